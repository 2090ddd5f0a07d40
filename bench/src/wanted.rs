//! The command line of what measures itself.

/// Rounds are short here: so many are for one round of load over HTTP.
const EACH: usize = 40;

/// What is wanted.
pub(crate) struct Wanted {
    only: String,
    /// How many rounds each row gets.
    pub(crate) rounds: usize,
    /// The other words.
    #[allow(dead_code, reason = "not every program has any")]
    pub(crate) words: Vec<String>,
}

impl Wanted {
    /// Reads `--only TEXT`, `--rounds N` and `--quick`; without these, each row gets so many `rounds`.
    pub(crate) fn of_words(rounds: usize) -> Self {
        let mut wanted = Self { only: String::new(), rounds, words: Vec::new() };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match &*word {
                "--only" => wanted.only = words.next().unwrap(),
                "--rounds" => wanted.rounds = words.next().unwrap().parse::<usize>().unwrap() * EACH,
                "--quick" => wanted.rounds = EACH,
                _ => wanted.words.push(word),
            }
        }
        wanted
    }

    /// Whether a row is wanted of the table of this title.
    pub(crate) fn has(&self, title: &str, row: &str) -> bool {
        title.contains(&self.only) || row.contains(&self.only)
    }
}
