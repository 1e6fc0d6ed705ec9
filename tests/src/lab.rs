//! The folder that a platform's `unruly` runners share: what they wrote down, and what moves them.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::eventually;

/// A call that reached a runner, or the opening of its port, whose method is `READY`.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The process that got it.
    pub pid: u32,
    /// The platform's name for the request.
    pub request_id: String,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// What the test called it, in the field `tag` of the body.
    pub tag: String,
    /// All headers, names in lower case.
    pub headers: Value,
}

/// The runners' folder.
#[derive(Debug, Clone)]
pub struct Lab {
    pub(crate) dir: PathBuf,
}

impl Lab {
    /// Every process that was started, in order.
    #[must_use]
    pub fn starts(&self) -> Vec<u32> {
        self.lines("starts").iter().map(|line| number(line, "pid")).collect()
    }

    /// Every call, in order, without the openings of ports.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.events().into_iter().filter(|call| call.method != "READY").collect()
    }

    /// Every call and every opening of a port, in order.
    #[must_use]
    pub fn events(&self) -> Vec<Call> {
        let call = |line: &Value| Call {
            pid: number(line, "pid"),
            request_id: text(line, "request_id"),
            method: text(line, "method"),
            path: text(line, "path"),
            tag: text(line, "tag"),
            headers: line.get("headers").cloned().unwrap_or_default(),
        };
        self.lines("calls").iter().map(call).collect()
    }

    /// The tags of the calls, in order.
    #[must_use]
    pub fn tags(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.tag).collect()
    }

    /// The processes that got this request, an attempt each.
    #[must_use]
    pub fn attempts(&self, request: &str) -> Vec<u32> {
        self.lines(&format!("requests/{request}")).iter().map(|line| number(line, "pid")).collect()
    }

    /// Waits for a call to this path.
    ///
    /// # Panics
    /// When it does not come.
    #[track_caller]
    #[must_use]
    pub fn path_called(&self, path: &str) -> Call {
        let find = || self.calls().into_iter().find(|call| call.path == path);
        eventually(&format!("a call of {path}"), find)
    }

    /// Waits for a call with this tag.
    ///
    /// # Panics
    /// When it does not come.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "most tests only wait")]
    pub fn called(&self, tag: &str) -> Call {
        let find = || self.calls().into_iter().find(|call| call.tag == tag);
        eventually(&format!("the call `{tag}` reaches a runner"), find)
    }

    /// Creates a file, which lets go whoever holds for it.
    ///
    /// # Panics
    /// When it cannot be created.
    pub fn create(&self, name: &str) {
        fs::write(self.dir.join(name), "").expect("the folder can be written");
    }

    /// Removes a file.
    ///
    /// # Panics
    /// When it is not there.
    pub fn remove(&self, name: &str) {
        fs::remove_file(self.dir.join(name)).expect("the file is there");
    }

    /// The lines of a file; a line that is being written is none yet.
    fn lines(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.dir.join(name)).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

fn number(line: &Value, key: &str) -> u32 {
    let found = line.get(key).and_then(Value::as_u64).and_then(|found| found.try_into().ok());
    found.expect("the runner writes numbers")
}

fn text(line: &Value, key: &str) -> String {
    line.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}
