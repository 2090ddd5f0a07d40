//! What it costs to decide on one request, beside the bare cryptography on the same bytes.
//!
//! Prints a table: nanoseconds and instructions (of user space, as the processor counts them) of one operation. The
//! columns of a row are measured in short rounds that take turns, so that what else the machine does falls on all
//! of them alike; medians are reported.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

mod cases;
mod logins;
mod meter;
mod wanted;
mod world;

use cases::{Case, cases};
use meter::{Meter, Operation, Sample, median};
use wanted::Wanted;

/// How many rounds are measured.
const ROUNDS: usize = 300;
const TITLE: &str = "Deciding on one request:";

/// How often a recipe runs with `--profile`, or a decision with `--profile-decision`. Neither prints anything: they are there for a
/// profiler to look at.
const PROFILED: u32 = 20_000;

fn main() {
    let wanted = Wanted::of_words(ROUNDS);
    let (flags, words): (Vec<_>, Vec<_>) = wanted.words.iter().partition(|word| word.starts_with("--"));
    let asked = |flag: &str| flags.iter().any(|word| *word == flag);
    let mut meter = Meter::new();
    let all = |case: &Case| {
        let name = format!("{} {}", case.system, case.body);
        (words.is_empty() || words.iter().any(|word| name.contains(*word))) && wanted.has(TITLE, &name)
    };
    let cases: Vec<Case> = cases().into_iter().filter(all).collect();
    if asked("--profile") || asked("--profile-decision") {
        for mut case in cases {
            match case.whole {
                Some(mut whole) if asked("--profile-decision") => whole(&mut meter, PROFILED),
                Some(_) | None => (case.alone)(&mut meter, PROFILED),
            };
        }
        return;
    }
    if cases.is_empty() {
        return;
    }
    println!(
        "\n{TITLE}\n\n| system | body | bare crypto | ns | recipe ns | ratio | decision ns | ratio | instr. | recipe | ratio | decision | ratio |"
    );
    println!("|{}", "---|".repeat(13));
    for case in cases {
        println!("{}", row(case, &mut meter, wanted.rounds));
    }
}

fn row(case: Case, meter: &mut Meter, rounds: usize) -> String {
    let mut columns: Vec<Operation> = vec![case.bare, case.alone];
    columns.extend(case.whole);
    let counts: Vec<u32> = columns.iter_mut().map(|operation| meter.calibrate(operation)).collect();
    let mut samples: [Vec<Sample>; 3] = Default::default();
    for _ in 0..rounds {
        for ((operation, samples), count) in columns.iter_mut().zip(&mut samples).zip(&counts) {
            samples.push(operation(meter, *count));
        }
    }
    let nanos = samples.each_ref().map(|column| median(column.iter().map(|sample| sample.nanos)));
    let counted = samples.each_ref().map(|column| median(column.iter().map(|sample| sample.instructions)));
    format!("| {} | {} | {} | {} | {} |", case.system, case.body, case.crypto, cells(nanos), cells(counted))
}

/// Of the bare cryptography, the recipe and the decision, where there is one; the ratios of both to the first.
fn cells([bare, alone, whole]: [f64; 3]) -> String {
    if bare == 0.0 {
        return "- | - | - | - | -".to_owned();
    }
    let (decision, ratio) = if whole == 0.0 {
        ("-".to_owned(), "-".to_owned())
    } else {
        (format!("{whole:.0}"), format!("{:.2}", whole / bare))
    };
    format!("{bare:.0} | {alone:.0} | **{:.2}** | {decision} | {ratio}", alone / bare)
}
