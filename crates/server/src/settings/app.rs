//! One app of the configuration, checked and completed.

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use fal_engine::{Cancel, CrashBackoff, Scale, Settings};
use fal_lifecycle::{Health, Limits};
use fal_node::{AppOptions, HealthProbe};
use fal_policy::Rules;
use fal_queue::Backoff;
use fal_types::{AppId, Condition, PerCondition};
use toml::Spanned;

use crate::{
    Failure,
    describe::{self, Described},
    settings::{bad, files, raw, report::Source},
};

const DAY: f64 = 86_400.0;
/// What a `crash_backoff` of less counts as.
const SHORTEST_CRASH_BACKOFF: Duration = Duration::from_millis(10);

/// Every app of the file.
pub(crate) fn all(
    source: &Source<'_>,
    file: &raw::File,
    base: &Path,
) -> Result<Vec<AppOptions>, Failure> {
    let read = |(name, app): (&Spanned<String>, &raw::App)| {
        let id = name.as_ref().parse::<AppId>().map_err(|error| {
            bad(&source.at(name.span(), &format!("apps.\"{}\"", name.as_ref()), &error.to_string()))
        })?;
        app.refuse_later(source)?;
        Reader { source, app, name }.options(id, base)
    };
    file.apps.iter().map(read).collect()
}

/// An example app that is named on the command line.
pub(crate) fn example(name: &str) -> Result<AppOptions, Failure> {
    let (owner, alias) = ("demo", if name == "fault_lab" { "lab" } else { name });
    let id = format!("{owner}/{alias}")
        .parse()
        .map_err(|_| bad(&format!("--app {name}: not a name of an example")))?;
    let text = String::new();
    let source = Source { file: Path::new("--app"), text: &text };
    let app =
        raw::App { example: Some(Spanned::new(0..0, name.to_owned())), ..raw::App::default() };
    let name = Spanned::new(0..0, format!("{owner}/{alias}"));
    Reader { source: &source, app: &app, name: &name }.options(id, Path::new("."))
}

/// Where example programs lie: beside this program, as cargo puts them.
fn examples_dir() -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.parent()?.join("examples"))
}

/// One app's section, with what is needed to point at it.
struct Reader<'a> {
    source: &'a Source<'a>,
    app: &'a raw::App,
    name: &'a Spanned<String>,
}

impl Reader<'_> {
    fn options(&self, id: AppId, base: &Path) -> Result<AppOptions, Failure> {
        let cwd = self.cwd(base)?;
        let (command, described) = self.command(&cwd)?;
        let app = self.app;
        let seconds = |key, written: &Option<Spanned<f64>>, own: Option<f64>, default| {
            let own = own.unwrap_or(default);
            self.seconds(key, written.as_ref(), own, 0.0..=365.0 * DAY)
        };
        let start = seconds("request_start_timeout", &app.request_start_timeout, None, 0.0)?;
        let request = self.seconds(
            "request_timeout",
            app.request_timeout.as_ref(),
            described.limits.request_timeout.unwrap_or(3600.0),
            0.001..=365.0 * DAY,
        )?;
        let check =
            self.seconds("tcp_check_timeout", app.tcp_check_timeout.as_ref(), 5.0, 0.001..=DAY)?;
        Ok(AppOptions {
            id,
            files: files::named(&command, &cwd),
            command,
            cwd,
            env: self.env()?,
            settings: self.settings(&described)?,
            request_timeout: request,
            request_start_timeout: Some(start).filter(|wait| !wait.is_zero()),
            tcp_check_timeout: check,
            health: self.probe(&described)?,
        })
    }

    fn settings(&self, described: &Described) -> Result<Settings, Failure> {
        let app = self.app;
        let startup = self.seconds(
            "startup_timeout",
            app.startup_timeout.as_ref(),
            described.limits.startup_timeout.unwrap_or(600.0),
            0.001..=DAY,
        )?;
        let grace = self.seconds(
            "termination_grace_period_seconds",
            app.termination_grace_period_seconds.as_ref(),
            described.limits.termination_grace_period_seconds.unwrap_or(5.0),
            0.0..=3600.0,
        )?;
        let multiplexing = described.limits.max_multiplexing.unwrap_or(1);
        Ok(Settings {
            limits: Limits { startup_timeout: startup, grace, health: self.health(described)? },
            scale: self.scale(described)?,
            max_multiplexing: self.count(
                "max_multiplexing",
                app.max_multiplexing.as_ref(),
                multiplexing,
                1..=100_000,
            )?,
            rules: self.rules(described)?,
            retry_backoff: self.retry_backoff()?,
            crash_backoff: self.crash_backoff()?,
            spares: self.count("spares", app.spares.as_ref(), 0, 0..=1_000)?,
            poison_limit: self.count("poison_limit", app.poison_limit.as_ref(), 0, 0..=1_000)?,
            cancel: self.cancel()?,
        })
    }

    fn cancel(&self) -> Result<Cancel, Failure> {
        let grace = |written| self.seconds("cancel_grace", Some(written), 0.0, 0.001..=DAY);
        Ok(Cancel {
            grace: self.app.cancel_grace.as_ref().map(grace).transpose()?,
            despite_others: self.app.cancel_despite_others.unwrap_or(false),
        })
    }

    fn scale(&self, described: &Described) -> Result<Scale, Failure> {
        let app = self.app;
        let min = described.limits.min_concurrency.unwrap_or(0);
        let min = self.count("min_concurrency", app.min_concurrency.as_ref(), min, 0..=10_000)?;
        let max = described.limits.max_concurrency.unwrap_or_else(|| min.max(4));
        let max = self.count("max_concurrency", app.max_concurrency.as_ref(), max, 1..=10_000)?;
        if min > max {
            let span = app.min_concurrency.as_ref().map_or_else(|| self.name.span(), Spanned::span);
            let text = format!("{min} is more than max_concurrency, which is {max}");
            return Err(bad(&self.source.at(span, "min_concurrency", &text)));
        }
        let keep_alive = described.limits.keep_alive.unwrap_or(60.0);
        let delay = described.limits.scaling_delay.unwrap_or(0.0);
        Ok(Scale {
            min,
            max,
            buffer: app.concurrency_buffer.or(described.limits.concurrency_buffer).unwrap_or(0),
            buffer_percent: app.concurrency_buffer_perc.unwrap_or(0),
            delay: self.seconds("scaling_delay", app.scaling_delay.as_ref(), delay, 0.0..=DAY)?,
            keep_alive: self.seconds(
                "keep_alive",
                app.keep_alive.as_ref(),
                keep_alive,
                0.0..=365.0 * DAY,
            )?,
        })
    }

    fn rules(&self, described: &Described) -> Result<Rules, Failure> {
        let mut skip = PerCondition::default();
        let (span, names) = match &self.app.skip_retry_conditions {
            Some(written) => (written.span(), written.as_ref()),
            None => (self.name.span(), &described.limits.skip_retry_conditions),
        };
        for name in names {
            let Some(condition) = Condition::from_name(name) else {
                let text =
                    format!("`{name}` is not one of timeout, server_error, connection_error");
                return Err(bad(&self.source.at(span, "skip_retry_conditions", &text)));
            };
            *skip.get_mut(condition) = true;
        }
        let retries =
            |written: &Option<raw::Retries>| written.as_ref().map(|written| written.retries);
        let config = self.app.retry_config.as_ref().or(described.limits.retry_config.as_ref());
        let budgets = config.map_or_else(PerCondition::default, |config| PerCondition {
            server_error: retries(&config.server_error),
            timeout: retries(&config.timeout),
            connection_error: retries(&config.connection_error),
        });
        Ok(Rules { skip, budgets, retry_429: self.app.retry_429.unwrap_or(true) })
    }

    fn retry_backoff(&self) -> Result<Backoff, Failure> {
        let written = self.app.retry_backoff.as_ref();
        let (initial, max) =
            written.map_or((None, None), |it| (it.initial.as_ref(), it.max.as_ref()));
        Ok(Backoff {
            initial: self.seconds("retry_backoff.initial", initial, 0.5, 0.0..=DAY)?,
            max: self.seconds("retry_backoff.max", max, 30.0, 0.0..=DAY)?,
        })
    }

    fn crash_backoff(&self) -> Result<CrashBackoff, Failure> {
        let written = self.app.crash_backoff.as_ref();
        let (step, max) = written.map_or((None, None), |it| (it.step.as_ref(), it.max.as_ref()));
        let wait = |key, written, default| {
            let wait = self.seconds(key, written, default, 0.0..=DAY)?;
            // A program that fails at once, without any wait, would keep a processor busy.
            Ok::<_, Failure>(wait.max(SHORTEST_CRASH_BACKOFF))
        };
        Ok(CrashBackoff {
            step: wait("crash_backoff.step", step, 30.0)?,
            max: wait("crash_backoff.max", max, 600.0)?,
        })
    }

    /// How health is checked: as the configuration says, or else as the app does.
    fn health_check<'a>(&'a self, described: &'a Described) -> Option<&'a raw::HealthCheck> {
        self.app.health_check.as_ref().or(described.health_check.as_ref())
    }

    fn health(&self, described: &Described) -> Result<Option<Health>, Failure> {
        let Some(written) = self.health_check(described) else { return Ok(None) };
        let period = |key, value: &Option<Spanned<f64>>, default| {
            self.seconds(key, value.as_ref(), default, 0.001..=DAY)
        };
        let threshold = written.failure_threshold.as_ref();
        let start = self.seconds(
            "health_check.start_period_seconds",
            written.start_period_seconds.as_ref(),
            30.0,
            0.0..=DAY,
        )?;
        Ok(Some(Health {
            start_period: start,
            failure_threshold: self.count(
                "health_check.failure_threshold",
                threshold,
                3,
                1..=1000,
            )?,
            interval: period("health_check.interval_seconds", &written.interval_seconds, 15.0)?,
            regular: written.call_regularly.unwrap_or(true),
        }))
    }

    fn probe(&self, described: &Described) -> Result<Option<HealthProbe>, Failure> {
        let Some(written) = self.health_check(described) else { return Ok(None) };
        let path = written.path.as_ref();
        if !path.starts_with('/') || path.parse::<http::uri::PathAndQuery>().is_err() {
            let text = format!("`{path}` is not a path that begins with a slash");
            return Err(bad(&self.source.at(written.path.span(), "health_check.path", &text)));
        }
        let method = match &written.method {
            None => http::Method::GET,
            Some(written) => match written.as_ref().as_str() {
                "GET" => http::Method::GET,
                "POST" => http::Method::POST,
                other => {
                    let text = format!("`{other}` is not GET or POST");
                    return Err(bad(&self.source.at(written.span(), "health_check.method", &text)));
                }
            },
        };
        let timeout = written.timeout_seconds.as_ref();
        let timeout = self.seconds("health_check.timeout_seconds", timeout, 5.0, 0.001..=DAY)?;
        Ok(Some(HealthProbe { method, path: path.clone(), timeout, on_demand: false }))
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
    fn command(&self, cwd: &Path) -> Result<(Vec<String>, Described), Failure> {
        match (&self.app.command, &self.app.example) {
            (Some(written), None) => self.program(written, cwd),
            (None, Some(written)) => self.example(written),
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

    fn program(
        &self,
        written: &Spanned<Vec<String>>,
        cwd: &Path,
    ) -> Result<(Vec<String>, Described), Failure> {
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
        let described = match &self.app.describe {
            Some(asked) if *asked.as_ref() => describe::ask(&found, arguments, cwd)
                .map_err(|error| bad(&self.source.at(asked.span(), "describe", &error)))?,
            Some(_) | None => Described::default(),
        };
        Ok((written.as_ref().clone(), described))
    }

    fn example(&self, written: &Spanned<String>) -> Result<(Vec<String>, Described), Failure> {
        let name = written.as_ref();
        let program = examples_dir().map(|dir| dir.join(name)).filter(|program| program.is_file());
        let Some(program) = program else {
            let text = format!(
                "there is no built example `{name}`: cargo xtask serve --app {name} builds and serves it, \
                 or cargo build -p fal-app --example {name} only builds it"
            );
            return Err(bad(&self.source.at(written.span(), "example", &text)));
        };
        let described = describe::ask(&program, &[], Path::new("."))
            .map_err(|error| bad(&self.source.at(written.span(), "example", &error)))?;
        Ok((vec![program.to_string_lossy().into_owned()], described))
    }

    fn seconds(
        &self,
        key: &str,
        written: Option<&Spanned<f64>>,
        default: f64,
        range: RangeInclusive<f64>,
    ) -> Result<Duration, Failure> {
        let value = written.map_or(default, |written| *written.as_ref());
        let wait = Duration::try_from_secs_f64(value).ok().filter(|_| range.contains(&value));
        wait.ok_or_else(|| {
            let span = written.map_or_else(|| self.name.span(), Spanned::span);
            let text =
                format!("{value} is out of range: {} to {} seconds", range.start(), range.end());
            bad(&self.source.at(span, key, &text))
        })
    }

    fn count(
        &self,
        key: &str,
        written: Option<&Spanned<u32>>,
        default: u32,
        range: RangeInclusive<u32>,
    ) -> Result<u32, Failure> {
        let value = written.map_or(default, |written| *written.as_ref());
        if range.contains(&value) {
            return Ok(value);
        }
        let span = written.map_or_else(|| self.name.span(), Spanned::span);
        let text = format!("{value} is out of range: {} to {}", range.start(), range.end());
        Err(bad(&self.source.at(span, key, &text)))
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    std::path::absolute(path).map_err(|error| bad(&format!("{}: {error}", path.display())))
}
