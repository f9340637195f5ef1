//! What the systems are asked to do.

use crate::process::Result;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    Insert,
    ReadByKey,
    List,
    ListWithEmbed,
    EmbedMany,
    JsonPath,
    Upsert,
    Call,
    /// A thousand rows in one request.
    BulkInsert,
    /// A million rows in one answer, where the system can do that.
    Export,
}

impl Workload {
    pub const ALL: [Workload; 10] = [
        Workload::Insert,
        Workload::ReadByKey,
        Workload::List,
        Workload::ListWithEmbed,
        Workload::EmbedMany,
        Workload::JsonPath,
        Workload::Upsert,
        Workload::Call,
        Workload::BulkInsert,
        Workload::Export,
    ];

    /// What `--only=` calls it.
    pub fn word(self) -> &'static str {
        match self {
            Workload::Insert => "insert",
            Workload::ReadByKey => "read",
            Workload::List => "list",
            Workload::ListWithEmbed => "embed",
            Workload::EmbedMany => "embed-many",
            Workload::JsonPath => "json",
            Workload::Upsert => "upsert",
            Workload::Call => "rpc",
            Workload::BulkInsert => "bulk",
            Workload::Export => "export",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Workload::Insert => "insert one row",
            Workload::ReadByKey => "read one row by key",
            Workload::List => "list of 20, filtered and ordered",
            Workload::ListWithEmbed => "the same list with the author embedded",
            Workload::EmbedMany => "20 threads with their 5 replies each",
            Workload::JsonPath => "4 of 10,000 rows by a JSON path",
            Workload::Upsert => "upsert one row",
            Workload::Call => "call a function that returns 5 rows",
            Workload::BulkInsert => "insert 1,000 rows in one request",
            Workload::Export => "export a million rows",
        }
    }

    /// Whether many connections repeat it as fast as they are answered.
    pub fn is_repeated(self) -> bool {
        !matches!(self, Workload::BulkInsert | Workload::Export)
    }

    /// The workloads that the arguments choose: all but the export, unless they are named.
    pub fn chosen(arguments: &[&str]) -> Result<Vec<Workload>> {
        let export = arguments.contains(&"--export");
        let Some(words) = arguments.iter().find_map(|word| word.strip_prefix("--only=")) else {
            let all = Workload::ALL.into_iter();
            return Ok(all.filter(|workload| export || *workload != Workload::Export).collect());
        };
        let known = Workload::ALL.map(Workload::word);
        if let Some(unknown) = words.split(',').find(|word| !known.contains(word)) {
            return Err(format!("there is no workload {unknown}; there are {}", known.join(", ")));
        }
        let named = |workload: &Workload| words.split(',').any(|word| word == workload.word());
        Ok(Workload::ALL.into_iter().filter(named).collect())
    }
}
