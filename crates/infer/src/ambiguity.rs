//! What the samples leave undecided, and which further sample would decide it.

use crate::draft::Choice;
use crate::fields::Roles;
use crate::group::Group;
use crate::infer::Question;
use crate::pieces::Piece;
use crate::sample::Sample;

/// Something that the samples leave undecided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// What it is, as a sentence.
    pub what: String,
    /// The sample that would settle it.
    pub settle: String,
}

fn open(what: impl Into<String>, settle: impl Into<String>) -> Open {
    Open { what: what.into(), settle: settle.into() }
}

/// What is open where the secret itself is sent.
pub(crate) fn of_plain(samples: &[Sample]) -> Vec<Open> {
    one(samples).into_iter().collect()
}

fn one(samples: &[Sample]) -> Option<Open> {
    (samples.len() == 1).then(|| {
        open(
            "there is one sample only: other calls may be signed otherwise",
            "a second request, with another method, path and body",
        )
    })
}

/// What is open of a dialect that was found.
pub(crate) fn of(question: &Question<'_>, groups: &[Group], chosen: &[Choice]) -> Vec<Open> {
    let mut all: Vec<Open> = one(question.samples).into_iter().collect();
    for (group, choice) in groups.iter().zip(chosen) {
        for at in choice.pieces() {
            let Some(piece) = group.pieces.get(at) else { continue };
            all.extend(alternatives(group, piece));
        }
        all.extend(unseen(question.samples, group, choice));
    }
    let mut told: Vec<Open> = Vec::new();
    for one in all {
        if !told.contains(&one) {
            told.push(one);
        }
    }
    told
}

/// How much less likely what is told as an alternative may be.
const MORE: u8 = 3;

/// Pieces that come to the same in every sample of the group.
fn alternatives(group: &Group, piece: &Piece) -> Option<Open> {
    let same = |other: &&Piece| {
        other.template != piece.template
            && group.members.iter().all(|member| other.value(member.sample) == piece.value(member.sample))
    };
    let others: Vec<&Piece> = group.pieces.iter().filter(same).collect();
    let named = |template: &str| others.iter().any(|other| other.template == template);
    let is = |template: &str| piece.template == template;
    if (is("{target}") && named("{path}")) || (is("{path}") && named("{target}")) {
        return Some(open(
            "whether `path` or `target` is signed: no sample has a query",
            "a request with a query",
        ));
    }
    let other = others.iter().find(|other| other.cost <= piece.cost.saturating_add(MORE))?;
    let settle = if piece.template.contains("sort") || other.template.contains("sort") {
        "a request whose parameters do not stand in the order of their names, with a value that has to be escaped"
    } else if piece.template.contains("dec")
        || other.template.contains("dec")
        || piece.template.contains("enc")
    {
        "a request with a blank and a percent sign in a value"
    } else if piece.template.contains("path") || piece.template.contains("target") {
        "a request to another path, with a query"
    } else {
        "a request in which they differ"
    };
    Some(open(
        format!("whether it is `{}` or `{}`: they are equal in every sample", piece.template, other.template),
        settle,
    ))
}

/// Parts of a request that no sample has, or that are the same in all.
fn unseen(samples: &[Sample], group: &Group, choice: &Choice) -> Vec<Open> {
    let text: String =
        choice.pieces().filter_map(|at| group.pieces.get(at)).map(|piece| piece.template.as_str()).collect();
    let mut all = Vec::new();
    if samples.iter().all(|sample| sample.body.is_empty()) && !text.contains("{body") {
        all.push(open("whether and where the body is signed: no sample has one", "a POST with a body"));
    }
    let query = |sample: &Sample| sample.target.contains('?');
    let both = |sample: &Sample| query(sample) && !sample.body.is_empty();
    if text.contains("{body") && text.contains("query") && !samples.iter().any(both) {
        all.push(open(
            "whether the query stands before or behind the body: no sample has both",
            "a request with a query and a body",
        ));
    }
    if !samples.iter().any(query)
        && !["{target", "{url", "{path", "query"].iter().any(|name| text.contains(name))
    {
        all.push(open("whether the query is signed: no sample has one", "a request with a query"));
    }
    all
}

/// Whether no field names the key id, though one was given.
#[allow(dead_code)]
fn unnamed(roles: &Roles) -> bool {
    roles.key_id.is_none()
}
