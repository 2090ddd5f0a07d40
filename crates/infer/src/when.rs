//! What tells the samples of one group from those of the others.

use crate::group::Group;
use crate::layout::Place;
use crate::sample::Sample;
use crate::toml_text::escaped;

/// A condition, as a dialect file says it, and whether a sample holds it.
type Condition<'c> = (String, String, Box<dyn Fn(&Sample) -> bool + 'c>);

/// A condition that holds for all samples of `group` and for none of the `others`: subject and expression.
pub(crate) fn condition(samples: &[Sample], group: &Group, others: &[&Group]) -> Option<(String, String)> {
    let of = |group: &Group| -> Vec<&Sample> {
        group.members.iter().filter_map(|member| samples.get(member.sample)).collect()
    };
    let own = of(group);
    let rest: Vec<&Sample> = others.iter().flat_map(|group| of(group)).collect();
    let tells = |(_, _, test): &Condition<'_>| {
        own.iter().all(|sample| test(sample)) && !rest.iter().any(|sample| test(sample))
    };
    let mut all = of_place(&group.target.place);
    all.extend(of_shape());
    all.extend(of_methods(&own));
    all.extend(of_headers(&own));
    all.extend(of_hosts(&own));
    all.into_iter().find(tells).map(|(subject, expression, _)| (subject, expression))
}

/// The signature stands there.
fn of_place(place: &Place) -> Vec<Condition<'_>> {
    match place {
        Place::Header(name) | Place::Inside(name) => {
            let lower = name.to_ascii_lowercase();
            let there = move |sample: &Sample| sample.headers.view().contains(&lower);
            vec![(format!("\"header.{name}\""), "'.'".to_owned(), Box::new(there))]
        }
        Place::Query(name) => {
            let there = move |sample: &Sample| has(sample.request().query().unwrap_or_default(), name);
            vec![("rawquery".to_owned(), format!("'(^|&){name}='"), Box::new(there))]
        }
        Place::Form(name) => {
            let there =
                move |sample: &Sample| std::str::from_utf8(&sample.body).is_ok_and(|body| has(body, name));
            vec![("body".to_owned(), format!("'(^|&){name}='"), Box::new(there))]
        }
        Place::Json(_) => {
            let there = |sample: &Sample| sample.body.first() == Some(&b'{');
            vec![("body".to_owned(), "'^[{]'".to_owned(), Box::new(there))]
        }
        Place::Path => Vec::new(),
    }
}

fn has(pairs: &str, name: &str) -> bool {
    pairs.split('&').any(|pair| pair.split_once('=').is_some_and(|(known, _)| known == name))
}

fn of_shape<'c>() -> Vec<Condition<'c>> {
    let body = |sample: &Sample| !sample.body.is_empty();
    let no_body = |sample: &Sample| sample.body.is_empty();
    let query = |sample: &Sample| sample.request().query().is_some_and(|query| !query.is_empty());
    vec![
        ("body".to_owned(), "'.'".to_owned(), Box::new(body)),
        ("body".to_owned(), "'^$'".to_owned(), Box::new(no_body)),
        ("rawquery".to_owned(), "'.'".to_owned(), Box::new(query)),
        ("rawquery".to_owned(), "'^$'".to_owned(), Box::new(move |sample: &Sample| !query(sample))),
    ]
}

fn of_methods<'c>(own: &[&Sample]) -> Vec<Condition<'c>> {
    let mut methods: Vec<String> = own.iter().map(|sample| sample.method.clone()).collect();
    methods.sort();
    methods.dedup();
    let expression = match methods.as_slice() {
        [one] => format!("'^{one}$'"),
        many => format!("'^({})$'", many.join("|")),
    };
    vec![("method".to_owned(), expression, Box::new(move |sample: &Sample| methods.contains(&sample.method)))]
}

/// The hosts that they went to: the last resort.
fn of_hosts<'c>(own: &[&Sample]) -> Vec<Condition<'c>> {
    let mut hosts: Vec<String> = own.iter().map(|sample| sample.host.clone()).collect();
    hosts.sort();
    hosts.dedup();
    let known: Vec<String> = hosts.iter().map(|host| escaped(host)).collect();
    let expression = format!("'^({})$'", known.join("|"));
    vec![("host".to_owned(), expression, Box::new(move |sample: &Sample| hosts.contains(&sample.host)))]
}

/// A header that only they have.
fn of_headers<'c>(own: &[&Sample]) -> Vec<Condition<'c>> {
    let Some(first) = own.first() else { return Vec::new() };
    let condition = |name: &[u8]| {
        let name = String::from_utf8_lossy(name).into_owned();
        let subject = format!("\"header.{}\"", first.title(&name));
        let there = move |sample: &Sample| sample.headers.view().contains(&name);
        (subject, "'.'".to_owned(), Box::new(there) as Box<dyn Fn(&Sample) -> bool>)
    };
    first.headers.view().names().map(condition).collect()
}
