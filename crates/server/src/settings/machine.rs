//! What apps share of the machine, and what each of their runners needs of it.

use fal_allotment::{Allotment, Input, Rank};
use fal_engine::Needs;
use fal_node::{AppOptions, Gpu, Machine, Shared, Want};
use fal_types::{Moment, RunnerId};
use toml::{Spanned, Value};

use super::{
    app::{self, Reader},
    bad, raw,
    report::Source,
};
use crate::Failure;

/// What tells a program which GPUs it sees.
const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";
const YEAR: f64 = 365.0 * 86_400.0;

/// The machine as the file has it.
pub(super) fn read(source: &Source<'_>, raw: &raw::Machine) -> Result<Machine, Failure> {
    let default = Shared::default();
    let runners = raw.runners.as_ref().map(|written| (written.span(), *written.as_ref()));
    let runners = match runners {
        None | Some((_, 0)) => None,
        Some((span, runners)) => {
            let found = usize::try_from(runners).ok().filter(|runners| *runners <= 100_000);
            Some(found.ok_or_else(|| {
                let text = format!("{runners} is out of range: 0 to 100000");
                bad(&source.at(span, "machine.runners", &text))
            })?)
        }
    };
    let turn = match &raw.turn {
        None => default.turn,
        Some(written) => app::seconds(*written.as_ref(), &(0.001..=YEAR))
            .map_err(|text| bad(&source.at(written.span(), "machine.turn", &text)))?,
    };
    let kind = match &raw.kind {
        None => "local".to_owned(),
        Some(written) => {
            let kind = written.as_ref();
            if !(1..=64).contains(&kind.len()) || kind.chars().any(char::is_control) {
                let text = "a type of machine is a word of 1 to 64 bytes, such as \"GPU-H100\"";
                return Err(bad(&source.at(written.span(), "machine.type", text)));
            }
            kind.clone()
        }
    };
    Ok(Machine { kind, shared: Shared { runners, turn } })
}

/// Lets apps ask for what they share, and keeps GPUs that some share from the eyes of the others.
pub(super) fn share(
    source: &Source<'_>,
    raw: &raw::File,
    (machine, apps): (&Machine, &mut [AppOptions]),
) -> Result<(), Failure> {
    check_names(source, raw, apps)?;
    let any_gpus = apps.iter().any(|app| !app.want.gpus.is_empty());
    for app in &mut *apps {
        if app.want.each > 0 || machine.shared.runners.is_some() {
            app.settings.needs = Needs::Share;
        }
        //= docs/contract.md#gpus
        //# Where some app of a configuration has `gpus`, a runner of an app without MUST see none, unless its `env` says otherwise.
        if any_gpus && app.want.each == 0 && app.env.iter().all(|(key, _)| key != VISIBLE) {
            app.env.push((VISIBLE.to_owned(), String::new()));
        }
    }
    check_kept(source, raw, (machine, apps))
}

/// Names of which one may be another's GPU cannot be kept apart.
fn check_names(source: &Source<'_>, raw: &raw::File, apps: &[AppOptions]) -> Result<(), Failure> {
    let mut known: Vec<&Gpu> = Vec::new();
    for app in apps {
        for gpu in &app.want.gpus {
            if let Some(other) = known.iter().find(|other| other.may_be(gpu)) {
                let text = format!(
                    "`{gpu}` may be the same as `{other}`: name all GPUs of all apps alike, by number or by whole UUID"
                );
                return Err(bad(&at_gpus(source, raw, app, &text)));
            }
            if !known.contains(&gpu) {
                known.push(gpu);
            }
        }
    }
    Ok(())
}

/// What is kept whatever comes must fit, in the order in which it is started.
fn check_kept(
    source: &Source<'_>,
    raw: &raw::File,
    (machine, apps): (&Machine, &[AppOptions]),
) -> Result<(), Failure> {
    let kept = |app: &AppOptions| match app.settings.scale.min {
        0 => 0,
        min => u64::from(min) + u64::from(app.settings.spares),
    };
    let all: u64 = apps.iter().map(kept).sum();
    if let (Some(runners), Some(written)) = (machine.shared.runners, &raw.machine.runners)
        && all > runners as u64
    {
        let text = format!(
            "what min_concurrency and spares keep of all apps adds up to {all}, and this is less"
        );
        return Err(bad(&source.at(written.span(), "machine.runners", &text)));
    }
    let mut allotment = Allotment::new(machine.shared.clone());
    for (number, app) in (0..).zip(apps).filter(|(_, app)| app.want.each > 0) {
        for started in 0..app.settings.scale.min {
            let runner = RunnerId::new(number, started);
            let claim = Input::Claim { runner, want: app.want.clone(), rank: Rank::Serves };
            let _decided = allotment.step(Moment::from_micros(0), claim);
        }
        if allotment.waiting() > 0 {
            let text = "what min_concurrency keeps of this app and of those before it does not fit on the GPUs";
            return Err(bad(&at_gpus(source, raw, app, text)));
        }
    }
    Ok(())
}

/// A finding about the GPUs of an app, where the file has it.
fn at_gpus(source: &Source<'_>, raw: &raw::File, app: &AppOptions, text: &str) -> String {
    let section = raw.apps.iter().find(|(name, _)| name.as_ref() == app.id.as_str());
    let gpus = section.and_then(|(_, section)| section.gpus.as_ref());
    let span = gpus.map_or(0..0, Spanned::span);
    source.at(span, "gpus", text)
}

impl Reader<'_> {
    /// What each runner of the app needs of the machine.
    pub(super) fn want(&self) -> Result<Want, Failure> {
        let app = self.app;
        let gpus = self.gpus()?;
        let sharing = self.count("runners_per_gpu", app.runners_per_gpu.as_ref(), 1, 1..=1_000)?;
        if gpus.is_empty() {
            for (key, written) in
                [("num_gpus", &app.num_gpus), ("runners_per_gpu", &app.runners_per_gpu)]
            {
                if let Some(written) = written {
                    let text = "the app has no gpus: write gpus = [0], or leave this out";
                    return Err(self.refuse(written.span(), key, text));
                }
            }
            return Ok(Want { gpus, each: 0, sharing: 1 });
        }
        let most = u32::try_from(gpus.len()).unwrap_or(u32::MAX);
        let each = self.count("num_gpus", app.num_gpus.as_ref(), 1, 0..=most)?;
        if let (Some(written), true) = (&app.gpus, app.env.contains_key(VISIBLE)) {
            let text = format!("env sets {VISIBLE}, which is set for each runner from these");
            return Err(self.refuse(written.span(), "gpus", &text));
        }
        Ok(Want { gpus, each: each as usize, sharing: sharing as usize })
    }

    fn gpus(&self) -> Result<Vec<Gpu>, Failure> {
        let Some(written) = &self.app.gpus else { return Ok(Vec::new()) };
        let mut gpus = Vec::new();
        for value in written.as_ref() {
            let refuse = |text: &str| Err(self.refuse(value.span(), "gpus", text));
            let gpu = match value.as_ref() {
                Value::Integer(number) => number.to_string().parse::<Gpu>(),
                Value::String(name) => name.parse(),
                Value::Float(_)
                | Value::Boolean(_)
                | Value::Datetime(_)
                | Value::Array(_)
                | Value::Table(_) => {
                    return refuse(
                        "a GPU is a number, such as 0, or a UUID, such as \"GPU-8932f937-d72c\"",
                    );
                }
            };
            match gpu {
                Err(error) => return refuse(&error.to_string()),
                Ok(gpu) if gpus.contains(&gpu) => {
                    return refuse(&format!(
                        "`{gpu}` stands here twice: runners_per_gpu shares it"
                    ));
                }
                Ok(gpu) => gpus.push(gpu),
            }
        }
        Ok(gpus)
    }

    /// Runners that can have what they need at once.
    //= docs/contract.md#gpus
    //# There are never more runners of an app than its GPUs allow, whatever `max_concurrency` says.
    pub(super) fn fit(
        &self,
        want: &Want,
        (min, max, spares): (u32, u32, u32),
    ) -> Result<u32, Failure> {
        if want.each == 0 {
            return Ok(max);
        }
        let room = want.gpus.len().saturating_mul(want.sharing) / want.each;
        let room = u32::try_from(room).unwrap_or(u32::MAX);
        let kept = min.saturating_add(spares);
        if kept > room {
            let span = self.app.gpus.as_ref().map_or_else(|| self.name.span(), Spanned::span);
            let text = format!(
                "with these the app can have {room} at a time, and min_concurrency and spares add up to {kept}"
            );
            return Err(self.refuse(span, "gpus", &text));
        }
        Ok(max.min(room))
    }
}
