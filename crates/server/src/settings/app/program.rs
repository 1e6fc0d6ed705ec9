//! What an app is started with, and what its program says of it.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use toml::Spanned;

use super::Reader;
use crate::{
    Failure,
    describe::{self, Asked, Described},
    settings::bad,
};

/// What a runner is started with.
pub(super) struct Program {
    pub(super) command: Vec<String>,
    pub(super) cwd: PathBuf,
    pub(super) env: Vec<(String, String)>,
}

/// What was asked of an app, and where the file says that it is to be asked.
type Told = (Described, Range<usize>);

impl Reader<'_> {
    /// The app's program, and its description where the file asks for one.
    pub(super) fn program(&self, base: &Path) -> Result<(Program, Option<Told>), Failure> {
        let (cwd, env) = (self.cwd(base)?, self.env()?);
        let (command, told) = self.command(&cwd, &env)?;
        Ok((Program { command, cwd, env }, told))
    }

    fn env(&self) -> Result<Vec<(String, String)>, Failure> {
        let is_wrong = |(name, value): &(&String, &String)| {
            name.is_empty() || name.contains(['=', '\0']) || value.contains('\0')
        };
        if let Some((name, _)) = self.app.env.iter().find(is_wrong) {
            let name = name.escape_default();
            let text = format!("`{name}` cannot be set: a name has no `=`, and nothing has a NUL");
            return Err(bad(&self.source.at(self.name.span(), "env", &text)));
        }
        Ok(self.app.env.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    fn cwd(&self, base: &Path) -> Result<PathBuf, Failure> {
        let Some(written) = &self.app.cwd else { return absolute(base) };
        let cwd = absolute(&base.join(written.as_ref()))?;
        if cwd.is_dir() {
            return Ok(cwd);
        }
        let text = format!("{} is not a directory", cwd.display());
        Err(bad(&self.source.at(written.span(), "cwd", &text)))
    }

    //= docs/contract.md#startup-failed
    //# A command that does not exist MUST be refused with the configuration, before anything starts.
    fn command(
        &self,
        cwd: &Path,
        env: &[(String, String)],
    ) -> Result<(Vec<String>, Option<Told>), Failure> {
        match (&self.app.command, &self.app.example) {
            (Some(written), None) => self.written(written, cwd, env),
            (None, Some(written)) => self.example(written, cwd, env),
            (Some(_), Some(written)) => {
                let text = "an app has either a command or an example";
                Err(bad(&self.source.at(written.span(), "example", text)))
            }
            (None, None) => {
                let key = format!("apps.\"{}\"", self.name.as_ref());
                let text = "it has no command: write command = [\"program\", \"argument\"], or example = \"hello\"";
                Err(bad(&self.source.at(self.name.span(), &key, text)))
            }
        }
    }

    fn written(
        &self,
        written: &Spanned<Vec<String>>,
        cwd: &Path,
        env: &[(String, String)],
    ) -> Result<(Vec<String>, Option<Told>), Failure> {
        let refuse = |key, text: &str| bad(&self.source.at(written.span(), key, text));
        let Some((program, arguments)) = written.as_ref().split_first() else {
            return Err(refuse("command", "it is empty"));
        };
        if written.as_ref().iter().any(|word| word.contains('\0')) {
            return Err(refuse("command", "a word of a command cannot hold a NUL"));
        }
        let Some(found) = describe::find(program, cwd) else {
            let text =
                format!("`{program}` is not a program that can be run from {}", cwd.display());
            return Err(refuse("command", &text));
        };
        let told = self.asks().map(|at| {
            let asked = Asked { program: &found, arguments, cwd, env };
            self.ask(asked, at)
        });
        Ok((written.as_ref().clone(), told.transpose()?))
    }

    fn example(
        &self,
        written: &Spanned<String>,
        cwd: &Path,
        env: &[(String, String)],
    ) -> Result<(Vec<String>, Option<Told>), Failure> {
        let name = written.as_ref();
        let program = examples_dir().map(|dir| dir.join(name)).filter(|program| program.is_file());
        let Some(program) = program else {
            let text = format!(
                "there is no built example `{name}`: cargo xtask serve --app {name} builds and serves it, \
                 or cargo build -p fal-app --example {name} only builds it"
            );
            return Err(bad(&self.source.at(written.span(), "example", &text)));
        };
        let command = vec![program.to_string_lossy().into_owned()];
        let asked = Asked { program: &program, arguments: &[], cwd, env };
        let told = self.asks().map(|at| self.ask(asked, at)).transpose()?;
        Ok((command, told))
    }

    /// The key by which the app is asked for its description, and its place: an example is, unless the
    /// file says that it is not.
    fn asks(&self) -> Option<(&'static str, Range<usize>)> {
        match (&self.app.describe, &self.app.example) {
            (Some(asked), _) => asked.as_ref().then(|| ("describe", asked.span())),
            (None, Some(example)) => Some(("example", example.span())),
            (None, None) => None,
        }
    }

    fn ask(&self, asked: Asked<'_>, (key, at): (&str, Range<usize>)) -> Result<Told, Failure> {
        match describe::ask(asked) {
            Ok(described) => Ok((described, at)),
            Err(error) => Err(bad(&self.source.at(at, key, &error))),
        }
    }
}

/// Where example programs lie: beside this program, as cargo puts them.
fn examples_dir() -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.parent()?.join("examples"))
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    std::path::absolute(path).map_err(|error| bad(&format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{raw, report::Source};

    #[track_caller]
    fn check(text: &str, expected: Option<&'static str>) {
        let app: raw::App = toml::from_str(text).unwrap();
        let source = Source { file: Path::new("fal.toml"), text };
        let name = Spanned::new(0..0, "a/b".to_owned());
        let reader = Reader { source: &source, app: &app, name: &name, told: None };
        assert_eq!(reader.asks().map(|(key, _)| key), expected, "{text}");
    }

    #[test]
    fn an_example_describes_itself_unless_the_file_says_no() {
        check("example = \"hello\"", Some("example"));
        check("example = \"hello\"\ndescribe = true", Some("describe"));
        check("example = \"hello\"\ndescribe = false", None);
        check("command = [\"sh\"]", None);
        check("command = [\"sh\"]\ndescribe = true", Some("describe"));
    }
}
