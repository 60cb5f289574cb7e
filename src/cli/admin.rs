//! `switchboard admin`: the first account and new passwords by command, also while `serve` runs.

use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::adapters::secret_box::SecretBox;
use crate::adapters::store::{SqliteOptions, SqliteStore};
use crate::adapters::system::{SystemClock, SystemIds};
use crate::config::{self, Flags, Sources};
use crate::domain::team::Role;
use crate::team::{NewOwner, Parts, Team};

/// What to do about accounts.
#[derive(clap::Subcommand)]
pub enum AdminCommand {
    /// Makes the first account; its password is read from standard input.
    Create(Args),
    /// Prints a link by which somebody chooses a new password.
    Invite(Args),
}

/// Whose account, and where.
#[derive(clap::Args)]
pub struct Args {
    /// The address they sign in with.
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// As they are called.
    #[arg(long, default_value = "Admin")]
    name: String,
    /// A TOML file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the database.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Runs it to its end.
pub fn run(command: AdminCommand) -> anyhow::Result<()> {
    super::runtime()?.block_on(async {
        match command {
            AdminCommand::Create(args) => create(&args).await,
            AdminCommand::Invite(args) => invite(&args).await,
        }
    })
}

async fn create(args: &Args) -> anyhow::Result<()> {
    let mut password = String::new();
    if std::io::stdin().is_terminal() {
        eprintln!("Type the password (12 to 200 characters) and press Enter:");
        std::io::stdin().read_line(&mut password)?;
    } else {
        std::io::stdin().lock().take(PASSWORD_BYTES_MAX).read_to_string(&mut password)?;
    }
    let password = password.trim_end_matches(['\r', '\n']).to_owned();
    let owner = NewOwner { name: args.name.clone(), email: args.email.clone(), password };
    let owner = team(args).await?.create_owner(owner).await?;
    println!("{} can sign in now.", owner.email);
    Ok(())
}

async fn invite(args: &Args) -> anyhow::Result<()> {
    let team = team(args).await?;
    let email = args.email.trim().to_lowercase();
    let known = team.teammates().await?.into_iter().find(|teammate| teammate.email == email);
    let known = known.ok_or_else(|| anyhow::anyhow!("nobody on the team has this email"))?;
    let (_, link) = team.invite_again(Role::Owner, known.id).await?;
    println!("/sign-in#invitation={link}");
    Ok(())
}

async fn team(args: &Args) -> anyhow::Result<Arc<Team>> {
    let data_dir = args.data_dir.as_ref().map(|path| path.to_string_lossy().into_owned());
    let flags = Flags::default().set("data_dir", data_dir);
    let config = config::load(&Sources::of_process(args.config.clone(), flags))?;
    let options = SqliteOptions {
        file: config.database_file(),
        readers: 1,
        busy_timeout: Duration::from_millis(config.store.busy_timeout_ms),
    };
    let store = Arc::new(SqliteStore::open(&options).await?);
    let sealer = Arc::new(SecretBox::open(&config.secret_key_file())?);
    Ok(Team::new(Parts { store, clock: Arc::new(SystemClock), ids: Arc::new(SystemIds), sealer }))
}

/// More than any password has.
const PASSWORD_BYTES_MAX: u64 = 4_096;
