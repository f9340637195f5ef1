//! The `mainstay` command: words on the command line to calls of `mainstay-app`.

use clap::{CommandFactory, Parser, Subcommand};
use mainstay_app::{RunOptions, commands};
use std::path::PathBuf;
use std::process::ExitCode;

/// A request makes many small allocations: a tenth of its CPU with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The whole backend of an application in one binary.
#[derive(Parser)]
#[command(name = "mainstay", version, about, long_about = None, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  mainstay new my-app && cd my-app && mainstay dev
  mainstay dev path/to/supabase-project
  mainstay migrate assess path/to/supabase-project
  mainstay types typescript --out src/database.types.ts";

#[derive(Subcommand)]
enum Command {
    /// Make a starter application
    New {
        /// The folder to make
        path: PathBuf,
    },
    /// Apply migrations, seed, serve, and follow changes of the folder
    Dev {
        /// The application's folder
        #[arg(default_value = ".")]
        path: PathBuf,
        /// Address to listen on, for example 127.0.0.1:8000 (port 0: any free one)
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<String>,
        /// Throw the data away and start over with migrations and seed
        #[arg(long)]
        reset: bool,
    },
    /// Serve in production: apply migrations, no seed, no watching; drains on SIGTERM
    Serve {
        #[arg(default_value = ".")]
        path: PathBuf,
        /// Address to listen on
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<String>,
        /// Serve the schema as it is, even where migrations are pending
        #[arg(long)]
        no_migrate: bool,
    },
    /// Write, apply, list and assess migrations
    #[command(subcommand)]
    Migrate(Migrate),
    /// Print types of the schema for a client's language
    #[command(subcommand)]
    Types(Types),
    /// Try the row policies
    #[command(subcommand)]
    Policy(Policy),
    /// Copy the database into one file, also while it is being served
    Backup {
        #[arg(default_value = ".")]
        path: PathBuf,
        /// The file to make; one that exists is not overwritten
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// Where the running process listens, if not at `[server] listen`
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// Print the anon and service_role keys
    Keys {
        #[arg(default_value = ".")]
        path: PathBuf,
    },
    /// Check the installation, the settings and the schema
    Doctor {
        #[arg(default_value = ".")]
        path: PathBuf,
    },
    /// Print a completion script for a shell
    Completions { shell: clap_complete::Shell },
}

#[derive(Subcommand)]
enum Migrate {
    /// Make an empty migration file named after the time
    New {
        /// What it does, in a few words
        name: String,
        #[arg(long, default_value = ".")]
        path: PathBuf,
    },
    /// Apply what is pending
    Up {
        #[arg(default_value = ".")]
        path: PathBuf,
        /// Skip statements that the embedded engine cannot do, and list them
        #[arg(long)]
        keep_going: bool,
    },
    /// List migrations: applied, pending, edited, missing
    Status {
        #[arg(default_value = ".")]
        path: PathBuf,
    },
    /// Say, statement by statement, what the embedded engine would refuse; changes nothing
    Assess {
        /// A `.sql` file, a folder of them, an application or a Supabase project
        #[arg(default_value = ".")]
        path: PathBuf,
        /// Also list statements that are taken with a remark
        #[arg(long)]
        notices: bool,
    },
}

#[derive(Subcommand)]
enum Policy {
    /// Run the tests in `policies/*.toml` on a new database, and say what the policies lack
    Test {
        #[arg(default_value = ".")]
        path: PathBuf,
    },
}

#[derive(Subcommand)]
enum Types {
    /// The `Database` type that supabase-js takes, of the schema that the migrations lead to
    Typescript {
        #[arg(default_value = ".")]
        path: PathBuf,
        /// A schema to describe; repeat it for several (default: those that REST serves)
        #[arg(long, value_name = "NAME", value_delimiter = ',')]
        schema: Vec<String>,
        /// The file to write instead of printing
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Leave out statements that the embedded engine cannot do
        #[arg(long)]
        keep_going: bool,
    },
}

/// Asks for pages of ordinary size. With huge ones a server that does nothing holds 11 MB that it has never written to,
/// and requests cost the same.
#[cfg(target_os = "linux")]
fn keep_memory_small() {
    let (on, unused): (libc::c_ulong, libc::c_ulong) = (1, 0);
    // SAFETY: plain numbers; the call changes how later page faults of this process are served, nothing else. A kernel
    // that does not know it says no, and memory is as it would be.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, on, unused, unused, unused) };
}

#[cfg(not(target_os = "linux"))]
fn keep_memory_small() {}

fn main() -> ExitCode {
    keep_memory_small();
    match Cli::parse().command {
        Command::New { path } => commands::new(&path),
        Command::Dev { path, listen, reset } => {
            commands::dev(&path, RunOptions { listen, reset, no_migrate: false })
        }
        Command::Serve { path, listen, no_migrate } => {
            commands::serve(&path, RunOptions { listen, reset: false, no_migrate })
        }
        Command::Migrate(Migrate::New { name, path }) => commands::migrate_new(&path, &name),
        Command::Migrate(Migrate::Up { path, keep_going }) => commands::migrate_up(&path, keep_going),
        Command::Migrate(Migrate::Status { path }) => commands::migrate_status(&path),
        Command::Migrate(Migrate::Assess { path, notices }) => commands::migrate_assess(&path, notices),
        Command::Types(Types::Typescript { path, schema, out, keep_going }) => {
            commands::types_typescript(&path, &schema, out.as_deref(), keep_going)
        }
        Command::Policy(Policy::Test { path }) => commands::policy_test(&path),
        Command::Backup { path, to, url } => commands::backup(&path, &to, url.as_deref()),
        Command::Keys { path } => commands::keys(&path),
        Command::Doctor { path } => commands::doctor(&path),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "mainstay", &mut std::io::stdout());
            ExitCode::SUCCESS
        }
    }
}
