//! One app of the configuration, checked and completed.

mod program;

use std::{
    ops::{Range, RangeInclusive},
    path::Path,
    time::Duration,
};

use fal_engine::{Cancel, CrashBackoff, Needs, Scale, Settings};
use fal_lifecycle::{Health, Limits};
use fal_node::{AppOptions, HealthProbe};
use fal_policy::Rules;
use fal_queue::Backoff;
use fal_types::{AppId, Condition, PerCondition};
use toml::Spanned;

use self::program::Program;
use crate::{
    Failure,
    settings::{bad, described, files, raw, report::Source},
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
        Reader { source, app, name, told: None }.options(id, base)
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
    Reader { source: &source, app: &app, name: &name, told: None }.options(id, Path::new("."))
}

/// One app's section, with what is needed to point at it.
pub(super) struct Reader<'a> {
    source: &'a Source<'a>,
    pub(super) app: &'a raw::App,
    pub(super) name: &'a Spanned<String>,
    /// Where the file has the app describe itself, if it does: the place of every value that the
    /// file does not hold.
    told: Option<Range<usize>>,
}

impl Reader<'_> {
    fn options(&self, id: AppId, base: &Path) -> Result<AppOptions, Failure> {
        let (program, told) = self.program(base)?;
        let mut app = self.app.clone();
        let told = told.map(|(described, at)| {
            described::complete(&mut app, described, &at);
            at
        });
        Reader { app: &app, told, ..*self }.completed(id, program)
    }

    fn completed(&self, id: AppId, program: Program) -> Result<AppOptions, Failure> {
        let app = self.app;
        let Program { command, cwd, env } = program;
        let start = app.request_start_timeout.as_ref();
        let start = self.seconds("request_start_timeout", start, 0.0, 0.0..=365.0 * DAY)?;
        let request = self.seconds(
            "request_timeout",
            app.request_timeout.as_ref(),
            3600.0,
            0.001..=365.0 * DAY,
        )?;
        let check =
            self.seconds("tcp_check_timeout", app.tcp_check_timeout.as_ref(), 5.0, 0.001..=DAY)?;
        let (want, mut settings) = (self.want()?, self.settings()?);
        let scale = &mut settings.scale;
        scale.max = self.fit(&want, (scale.min, scale.max, settings.spares))?;
        Ok(AppOptions {
            id,
            files: files::named(&command, &cwd),
            command,
            cwd,
            env,
            want,
            settings,
            request_timeout: request,
            auth: self.auth()?,
            request_start_timeout: Some(start).filter(|wait| !wait.is_zero()),
            tcp_check_timeout: check,
            health: self.probe()?,
        })
    }

    fn settings(&self) -> Result<Settings, Failure> {
        let app = self.app;
        let startup =
            self.seconds("startup_timeout", app.startup_timeout.as_ref(), 600.0, 0.001..=DAY)?;
        let grace = self.seconds(
            "termination_grace_period_seconds",
            app.termination_grace_period_seconds.as_ref(),
            5.0,
            0.0..=3600.0,
        )?;
        Ok(Settings {
            limits: Limits { startup_timeout: startup, grace, health: self.health()? },
            scale: self.scale()?,
            max_multiplexing: self.count(
                "max_multiplexing",
                app.max_multiplexing.as_ref(),
                1,
                1..=100_000,
            )?,
            rules: self.rules()?,
            retry_backoff: self.retry_backoff()?,
            crash_backoff: self.crash_backoff()?,
            spares: self.count("spares", app.spares.as_ref(), 0, 0..=1_000)?,
            poison_limit: self.count("poison_limit", app.poison_limit.as_ref(), 0, 0..=1_000)?,
            cancel: self.cancel()?,
            needs: Needs::default(),
        })
    }

    fn cancel(&self) -> Result<Cancel, Failure> {
        let grace = |written| self.seconds("cancel_grace", Some(written), 0.0, 0.001..=DAY);
        Ok(Cancel {
            grace: self.app.cancel_grace.as_ref().map(grace).transpose()?,
            despite_others: self.app.cancel_despite_others.unwrap_or(false),
        })
    }

    fn scale(&self) -> Result<Scale, Failure> {
        let app = self.app;
        let min = self.count("min_concurrency", app.min_concurrency.as_ref(), 0, 0..=10_000)?;
        let max = app.max_concurrency.as_ref();
        let max = self.count("max_concurrency", max, min.max(4), 1..=10_000)?;
        if min > max {
            return Err(self.min_above_max(min, max));
        }
        Ok(Scale {
            min,
            max,
            buffer: app.concurrency_buffer.unwrap_or(0),
            buffer_percent: app.concurrency_buffer_perc.unwrap_or(0),
            delay: self.seconds("scaling_delay", app.scaling_delay.as_ref(), 0.0, 0.0..=DAY)?,
            keep_alive: self.seconds(
                "keep_alive",
                app.keep_alive.as_ref(),
                60.0,
                0.0..=365.0 * DAY,
            )?,
        })
    }

    fn min_above_max(&self, min: u32, max: u32) -> Failure {
        let is_told = |limit: Option<&Spanned<u32>>| {
            limit.is_some_and(|limit| self.told == Some(limit.span()))
        };
        let (least, most) = (self.app.min_concurrency.as_ref(), self.app.max_concurrency.as_ref());
        let span = least.map_or_else(|| self.name.span(), Spanned::span);
        let whose =
            if is_told(most) && !is_told(least) { " in the app's own description" } else { "" };
        let text = format!("{min} is more than max_concurrency, which is {max}{whose}");
        self.refuse(span, "min_concurrency", &text)
    }

    fn rules(&self) -> Result<Rules, Failure> {
        let mut skip = PerCondition::default();
        if let Some(written) = &self.app.skip_retry_conditions {
            for name in written.as_ref() {
                let Some(condition) = Condition::from_name(name) else {
                    let text =
                        format!("`{name}` is not one of timeout, server_error, connection_error");
                    return Err(self.refuse(written.span(), "skip_retry_conditions", &text));
                };
                *skip.get_mut(condition) = true;
            }
        }
        let retries =
            |written: &Option<raw::Retries>| written.as_ref().map(|written| written.retries);
        let budgets = self.app.retry_config.as_ref().map_or_else(PerCondition::default, |config| {
            PerCondition {
                server_error: retries(&config.server_error),
                timeout: retries(&config.timeout),
                connection_error: retries(&config.connection_error),
            }
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

    fn health(&self) -> Result<Option<Health>, Failure> {
        let Some(written) = self.app.health_check.as_ref().map(Spanned::as_ref) else {
            return Ok(None);
        };
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

    fn probe(&self) -> Result<Option<HealthProbe>, Failure> {
        let Some(check) = &self.app.health_check else { return Ok(None) };
        let written = check.as_ref();
        let Some(path) = &written.path else {
            let text = "it has no path: write path = \"/health\", or another";
            return Err(self.refuse(check.span(), "health_check", text));
        };
        let (path, at) = (path.as_ref(), path.span());
        if !path.starts_with('/') || path.parse::<http::uri::PathAndQuery>().is_err() {
            let text = format!("`{path}` is not a path that begins with a slash");
            return Err(self.refuse(at, "health_check.path", &text));
        }
        let method = match &written.method {
            None => http::Method::GET,
            Some(written) => match written.as_ref().as_str() {
                "GET" => http::Method::GET,
                "POST" => http::Method::POST,
                other => {
                    let text = format!("`{other}` is not GET or POST");
                    return Err(self.refuse(written.span(), "health_check.method", &text));
                }
            },
        };
        let timeout = written.timeout_seconds.as_ref();
        let timeout = self.seconds("health_check.timeout_seconds", timeout, 5.0, 0.001..=DAY)?;
        Ok(Some(HealthProbe { method, path: path.clone(), timeout, on_demand: false }))
    }

    fn seconds(
        &self,
        key: &str,
        written: Option<&Spanned<f64>>,
        default: f64,
        range: RangeInclusive<f64>,
    ) -> Result<Duration, Failure> {
        let value = written.map_or(default, |written| *written.as_ref());
        seconds(value, &range).map_err(|text| {
            let span = written.map_or_else(|| self.name.span(), Spanned::span);
            self.refuse(span, key, &text)
        })
    }

    pub(super) fn count(
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
        Err(self.refuse(span, key, &text))
    }

    /// A refusal of the value at `span`, which the file may not hold.
    pub(super) fn refuse(&self, span: Range<usize>, key: &str, text: &str) -> Failure {
        if self.told.as_ref() == Some(&span) {
            let text = format!("what the app's own description says is wrong: {text}");
            return bad(&self.source.at(span, key, &text));
        }
        bad(&self.source.at(span, key, text))
    }
}

/// A number of seconds within the range, or what is wrong with it.
pub(super) fn seconds(value: f64, range: &RangeInclusive<f64>) -> Result<Duration, String> {
    let wait = Duration::try_from_secs_f64(value).ok().filter(|_| range.contains(&value));
    wait.ok_or_else(|| {
        format!("{value} is out of range: {} to {} seconds", range.start(), range.end())
    })
}
