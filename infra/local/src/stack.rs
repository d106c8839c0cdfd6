//! The whole stack on one machine: emulator, simulators, token issuer, and `template.yaml` deployed among them.
//!
//! [`Stack::start`] is all that `dialgate up`, `dialgate demo` and the flow tests do. Nothing it starts outlives it.

use crate::deployment::{self, Secrets};
use crate::error::{Error, Result};
use crate::issuer::{self, TokenRequest};
use crate::neighbours::Neighbours;
use crate::process::{Guarded, Process};
use crate::report::{Form, Report};
use crate::tools::Tools;
use crate::workspace::{FUNCTIONS, Workspace};
use crate::{emulator, fix_ups, host, webhook_registration};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};

/// The simulated Persona's template of inquiries: government ID and selfie.
const TEMPLATE_ID: &str = "itmpl_DialgateGovernmentIdAndSelfie";

/// Its published version.
const TEMPLATE_VERSION_ID: &str = "itmplv_DialgateGovernmentIdAndSelfie1";

/// How often another free port is tried when one was taken between our look and its use.
const PORT_TRIES: u32 = 3;

/// Where each server listens. `None` takes any free port.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ports {
    /// The emulator, which also serves the deployed API.
    pub emulator: Option<u16>,
    /// Persona's simulator.
    pub persona: Option<u16>,
    /// Twilio's simulator.
    pub twilio: Option<u16>,
    /// The token issuer.
    pub issuer: Option<u16>,
}

/// What a stack shall be like.
#[derive(Debug, Clone)]
pub struct Options {
    /// The stack's name, which all deployed names begin with. Letters, digits and hyphens.
    pub name: String,
    /// Where the servers listen.
    pub ports: Ports,
    /// Template parameters that differ from the template's defaults and from what the stack itself must set.
    pub parameters: BTreeMap<String, String>,
    /// Extra arguments for Persona's simulator, as `dialgate persona-simulator --help` lists them.
    pub persona_arguments: Vec<String>,
    /// Extra arguments for Twilio's simulator, as `dialgate twilio-simulator --help` lists them.
    pub twilio_arguments: Vec<String>,
    /// Real servers to use instead of simulators.
    pub neighbours: Neighbours,
    /// Where `cargo lambda watch` listens, if functions shall run there instead of as deployed.
    pub watch_url: Option<String>,
    /// Where progress is told.
    pub report: Report,
}

impl Options {
    /// A quiet stack of that name on free ports, with simulators and the template's defaults.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ports: Ports::default(),
            parameters: BTreeMap::new(),
            persona_arguments: Vec::new(),
            twilio_arguments: Vec::new(),
            neighbours: Neighbours::default(),
            watch_url: None,
            report: Report::new(Form::Quiet),
        }
    }
}

/// Where everything is. `dialgate up` keeps it in `target/local/stack.json`.
///
/// The secrets in it were made for this stack alone and end with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Description {
    /// Root of the deployed HTTP API.
    pub api_url: String,
    /// Root of Persona's simulator, or of the server that was given instead.
    pub persona_url: String,
    /// Root of Twilio's simulator, or of the server that was given instead.
    pub twilio_url: String,
    /// The token issuer.
    pub issuer_url: String,
    /// The AWS endpoint.
    pub aws_endpoint_url: String,
    /// The deployed table.
    pub table_name: String,
    /// The deployed queue.
    pub purchase_queue_url: String,
    /// Where messages go that failed too often.
    pub dead_letter_queue_url: String,
    /// What Persona signs its events with.
    pub webhook_secret: String,
    /// The inquiry template.
    pub persona_template_id: String,
    /// What authenticates at Persona.
    pub persona_api_key: String,
    /// The Twilio account that buys.
    pub twilio_account_sid: String,
    /// What authenticates at Twilio and may buy.
    pub twilio_auth_token: String,
    /// The restricted API key at Twilio, which may search and not buy.
    pub twilio_api_key_sid: String,
    /// That key's secret.
    pub twilio_api_key_secret: String,
    /// Root of Twilio Verify.
    pub twilio_verify_url: String,
    /// The Verify service at Twilio.
    pub twilio_verify_service_sid: String,
    /// The functions' deployed names, by crate.
    pub functions: BTreeMap<String, String>,
    /// The `dialgate` program.
    pub dialgate: PathBuf,
}

/// A running stack. Dropping it ends its programs in the background; [`Stack::stop`] waits for that.
#[derive(Debug)]
pub struct Stack {
    description: Description,
    processes: Vec<Process>,
}

impl Deref for Stack {
    type Target = Description;

    fn deref(&self) -> &Description {
        &self.description
    }
}

impl Stack {
    /// Starts everything and deploys the template. On an error, everything already started is ended again.
    ///
    /// # Errors
    /// Any [`Error`]; each says what to do.
    pub async fn start(options: Options) -> Result<Self> {
        let workspace = Workspace::find()?;
        let tools = Tools::installed(&workspace)?;
        let dialgate = workspace.binary("dialgate")?;
        workspace.place_bootstraps()?;
        let folder = workspace.local().join(&options.name);
        // A stack that was killed leaves its temporary files behind.
        let _absent = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).map_err(Error::io(format!("make the folder {}", folder.display())))?;
        let starting = Starting { workspace, tools, dialgate, folder, options, processes: Vec::new() };
        starting.run().await
    }

    /// Where everything is.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// A token for a sub-account's user with these space-separated scopes.
    ///
    /// # Errors
    /// [`Error::Http`] if the issuer does not answer.
    pub async fn token(&self, sub_account: &str, scope: &str) -> Result<String> {
        let request = TokenRequest {
            sub_accounts: vec![sub_account.to_owned()],
            scope: Some(scope.to_owned()),
            ..TokenRequest::default()
        };
        issuer::request_token(&self.issuer_url, &request).await
    }

    /// Ends every program and waits until all have ended.
    pub async fn stop(self) {
        futures::future::join_all(self.processes.into_iter().map(Process::stop)).await;
    }
}

/// What is needed while a stack starts.
struct Starting {
    workspace: Workspace,
    tools: Tools,
    dialgate: PathBuf,
    folder: PathBuf,
    options: Options,
    processes: Vec<Process>,
}

/// A neighbour's address and credentials.
struct Persona {
    url: String,
    api_base_url: String,
    api_key: String,
    template_id: String,
    webhook_secret: String,
    simulated: bool,
}

struct Twilio {
    url: String,
    account_sid: String,
    auth_token: String,
    api_key_sid: String,
    api_key_secret: String,
    lookups_url: String,
    verify_url: String,
    verify_service_sid: String,
}

impl Starting {
    async fn run(mut self) -> Result<Stack> {
        match self.bring_up().await {
            Ok(description) => Ok(Stack { description, processes: self.processes }),
            Err(failure) => {
                futures::future::join_all(self.processes.into_iter().map(Process::stop)).await;
                Err(failure)
            }
        }
    }

    async fn bring_up(&mut self) -> Result<Description> {
        let report = self.options.report.clone();
        let endpoint_url = self.emulator().await?;
        report.line("start", &format!("emulator         {endpoint_url}"), &[("aws_endpoint_url", &endpoint_url)]);
        let issuer_url = self.issuer().await?;
        report.line("start", &format!("token issuer     {issuer_url}"), &[("issuer_url", &issuer_url)]);
        let persona = self.persona().await?;
        report.line("start", &format!("Persona          {}", persona.url), &[("persona_url", &persona.url)]);
        let twilio = self.twilio().await?;
        report.line("start", &format!("Twilio           {}", twilio.url), &[("twilio_url", &twilio.url)]);

        let secrets = Secrets {
            persona_api_key: &persona.api_key,
            persona_webhook_secrets: &persona.webhook_secret,
            twilio_auth_token: &twilio.auth_token,
            twilio_api_key_secret: &twilio.api_key_secret,
        };
        let (tools, name) = (&self.tools, self.options.name.as_str());
        let template = self.workspace.template();
        let (secret_arns, (), template) = tokio::try_join!(
            deployment::store_secrets(tools, &endpoint_url, name, &secrets),
            deployment::make_bucket(tools, &endpoint_url),
            tools.transformed(&self.workspace, &template),
        )?;
        report.line("deploy", "secrets stored", &[]);
        let parameters = self.parameters(&issuer_url, &persona, &twilio, secret_arns)?;
        let outputs =
            deployment::deploy(tools, &endpoint_url, &self.workspace, &self.folder, name, &parameters).await?;
        let allowed_origins = parameters.get("AllowedOrigins").map_or("", String::as_str);
        fix_ups::apply(tools, &endpoint_url, name, &template, &outputs, allowed_origins).await?;

        let api_url = format!("{endpoint_url}/_aws/execute-api/{}", outputs.get("ApiId")?);
        report.line("deploy", &format!("template.yaml    {api_url}"), &[("api_url", &api_url)]);
        if persona.simulated {
            let webhook_url = format!("{api_url}/v1/webhooks/persona");
            let webhook = webhook_registration::register(&persona.api_base_url, &persona.api_key, &webhook_url).await?;
            report.line("deploy", &format!("webhook          {webhook}"), &[("webhook", &webhook)]);
        }
        Ok(Description {
            table_name: outputs.get("TableName")?.to_owned(),
            purchase_queue_url: outputs.get("PurchaseQueueUrl")?.to_owned(),
            dead_letter_queue_url: outputs.get("DeadLetterQueueUrl")?.to_owned(),
            functions: FUNCTIONS.map(|function| (function.to_owned(), deployed_name(name, function))).into(),
            dialgate: self.dialgate.clone(),
            api_url,
            persona_url: persona.url,
            twilio_url: twilio.url,
            issuer_url,
            aws_endpoint_url: endpoint_url,
            webhook_secret: persona.webhook_secret,
            persona_template_id: persona.template_id,
            persona_api_key: persona.api_key,
            twilio_account_sid: twilio.account_sid,
            twilio_auth_token: twilio.auth_token,
            twilio_api_key_sid: twilio.api_key_sid,
            twilio_api_key_secret: twilio.api_key_secret,
            twilio_verify_url: twilio.verify_url,
            twilio_verify_service_sid: twilio.verify_service_sid,
        })
    }

    async fn emulator(&mut self) -> Result<String> {
        let proxied: Vec<(String, String)> = match &self.options.watch_url {
            Some(url) => FUNCTIONS
                .map(|function| {
                    let address = format!("{url}/2015-03-31/functions/{function}/invocations");
                    (deployed_name(&self.options.name, function), address)
                })
                .to_vec(),
            None => Vec::new(),
        };
        let mut tries_left = PORT_TRIES;
        loop {
            tries_left -= 1;
            let port = host::free_port("emulator", self.options.ports.emulator)?;
            match emulator::start(&self.tools, &self.dialgate, &self.folder, port, &proxied).await {
                Ok(process) => {
                    self.processes.push(process);
                    return Ok(emulator::url(port));
                }
                Err(_taken_meanwhile) if tries_left > 0 && self.options.ports.emulator.is_none() => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    async fn issuer(&mut self) -> Result<String> {
        let port = self.options.ports.issuer;
        self.server("issuer", "issuer", port, Vec::new()).await
    }

    async fn persona(&mut self) -> Result<Persona> {
        if let Some(real) = &self.options.neighbours.persona {
            return Ok(Persona {
                url: real.base_url.clone(),
                api_base_url: real.base_url.clone(),
                api_key: real.api_key.clone(),
                template_id: real.template_id.clone(),
                webhook_secret: real.webhook_secrets.clone(),
                simulated: false,
            });
        }
        let api_key = format!("persona_sandbox_{}", uuid::Uuid::new_v4());
        let webhook_secret = format!("wbhsec_{}", uuid::Uuid::new_v4());
        let mut arguments = flags(&[
            ("--api-key", &api_key),
            ("--template-id", TEMPLATE_ID),
            ("--template-version-id", TEMPLATE_VERSION_ID),
            ("--webhook-secret", &webhook_secret),
        ]);
        arguments.extend(self.options.persona_arguments.iter().cloned());
        let url = self.server("persona", "persona-simulator", self.options.ports.persona, arguments).await?;
        let api_base_url = format!("{url}/api/v1");
        Ok(Persona { url, api_base_url, api_key, template_id: TEMPLATE_ID.to_owned(), webhook_secret, simulated: true })
    }

    async fn twilio(&mut self) -> Result<Twilio> {
        if let Some(real) = &self.options.neighbours.twilio {
            return Ok(Twilio {
                url: real.base_url.clone(),
                account_sid: real.account_sid.clone(),
                auth_token: real.auth_token.clone(),
                api_key_sid: real.api_key_sid.clone(),
                api_key_secret: real.api_key_secret.clone(),
                lookups_url: real.lookups_base_url.clone(),
                verify_url: real.verify_base_url.clone(),
                verify_service_sid: real.verify_service_sid.clone(),
            });
        }
        let account_sid = format!("AC{}", uuid::Uuid::new_v4().simple());
        let auth_token = uuid::Uuid::new_v4().simple().to_string();
        let api_key_sid = format!("SK{}", uuid::Uuid::new_v4().simple());
        let api_key_secret = uuid::Uuid::new_v4().simple().to_string();
        let verify_service_sid = format!("VA{}", uuid::Uuid::new_v4().simple());
        let mut arguments = flags(&[
            ("--account-sid", &account_sid),
            ("--auth-token", &auth_token),
            ("--api-key-sid", &api_key_sid),
            ("--api-key-secret", &api_key_secret),
            ("--verify-service-sid", &verify_service_sid),
        ]);
        arguments.extend(self.options.twilio_arguments.iter().cloned());
        let url = self.server("twilio", "twilio-simulator", self.options.ports.twilio, arguments).await?;
        // One server answers for all of Twilio's hosts.
        let (lookups_url, verify_url) = (url.clone(), url.clone());
        Ok(Twilio {
            url,
            account_sid,
            auth_token,
            api_key_sid,
            api_key_secret,
            lookups_url,
            verify_url,
            verify_service_sid,
        })
    }

    /// Starts one of our own servers and returns its address.
    async fn server(
        &mut self,
        who: &'static str,
        subcommand: &str,
        wanted_port: Option<u16>,
        mut arguments: Vec<String>,
    ) -> Result<String> {
        if wanted_port.is_some() {
            host::free_port(who, wanted_port)?;
        }
        arguments.insert(0, subcommand.to_owned());
        arguments.extend(["--port".to_owned(), wanted_port.unwrap_or(0).to_string()]);
        let command =
            Guarded { program: self.dialgate.clone(), arguments, variables: Vec::new(), only_these_variables: false };
        let log = log_of(&self.folder, who);
        let mut process = Process::start(who, &self.dialgate, &log, &command)?;
        match process.address().await {
            Ok(address) => {
                self.processes.push(process);
                Ok(address)
            }
            Err(failure) => {
                process.stop().await;
                Err(failure)
            }
        }
    }

    fn parameters(
        &self,
        issuer_url: &str,
        persona: &Persona,
        twilio: &Twilio,
        secret_arns: BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>> {
        let certificates = host::certificate_bundle()?;
        let mut parameters: BTreeMap<String, String> = [
            ("JwtIssuer", issuer_url),
            ("JwtAudience", issuer::AUDIENCE),
            ("PersonaBaseUrl", &persona.api_base_url),
            ("PersonaTemplateId", &persona.template_id),
            ("TwilioApiBaseUrl", &twilio.url),
            ("TwilioAccountSid", &twilio.account_sid),
            ("TwilioApiKeySid", &twilio.api_key_sid),
            ("TwilioLookupsBaseUrl", &twilio.lookups_url),
            ("TwilioVerifyBaseUrl", &twilio.verify_url),
            ("TwilioVerifyServiceSid", &twilio.verify_service_sid),
            ("CertificateBundle", &certificates),
            ("Architecture", host::architecture()),
            ("DeletionProtection", "false"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        parameters.extend(secret_arns);
        parameters.extend(self.options.parameters.clone());
        Ok(parameters)
    }
}

/// The name that the template gives to a function.
fn deployed_name(stack: &str, function: &str) -> String {
    format!("{stack}-{function}")
}

fn log_of(folder: &Path, who: &str) -> PathBuf {
    folder.join(format!("{who}.log"))
}

fn flags(pairs: &[(&str, &str)]) -> Vec<String> {
    pairs.iter().flat_map(|(flag, value)| [(*flag).to_owned(), (*value).to_owned()]).collect()
}
