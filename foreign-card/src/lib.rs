//! A PIV card that somebody else wrote: Nitrokey's `piv-authenticator`, run in memory.

#![allow(clippy::unwrap_used, reason = "a card for tests: one that breaks says where")]

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use iso7816::{Status, command::CommandView};
use littlefs2::const_ram_storage;
use piv_authenticator::state::{AdministrationAlgorithm, Persistent};
use piv_authenticator::{Authenticator, Client, Options};
use rand_core::OsRng;
use trussed::backend::BackendId;
use trussed::pipe::{ServiceEndpoint, TrussedChannel};
use trussed::platform::{Platform, Syscall};
use trussed::serde_extensions::{ExtensionDispatch, ExtensionId, ExtensionImpl};
use trussed::service::{Service, ServiceResources};
use trussed::types::{Context, CoreContext};
use trussed::virt::{StorageConfig, Store, StoreConfig, UserInterface};
use trussed_auth_backend::{AuthBackend, AuthContext, FilesystemLayout};
use trussed_core::api::{reply::SerdeExtension as Reply, request::SerdeExtension as Request};
use trussed_core::{Error, types::Location};
use trussed_staging::{StagingBackend, StagingContext};

/// The management key of a new card, AES-256.
///
/// The program itself starts with the first 24 of these bytes as a Triple DES key, and goes back
/// to that after its own RESET command (INS FB).
pub const MANAGEMENT_KEY_HEX: &str = "0102030405060708010203040506070801020304050607080102030405060708";

/// A blank card in a reader: PIN 123456, PUK 12345678, [`MANAGEMENT_KEY_HEX`].
pub struct ForeignCard {
    events: Sender<Event>,
    answers: Receiver<Vec<u8>>,
}

/// What a reader does to a card.
enum Event {
    Command(Vec<u8>),
    Reset,
}

impl Default for ForeignCard {
    fn default() -> Self {
        Self::new()
    }
}

impl ForeignCard {
    pub fn new() -> Self {
        let (events, events_at_card) = mpsc::channel();
        let (answers_of_card, answers) = mpsc::channel();
        // Unoptimized, the memories are on the stack for a moment, more than once.
        let thread = thread::Builder::new().stack_size(16 << 20);
        thread.spawn(move || live(&events_at_card, &answers_of_card)).unwrap();
        Self { events, answers }
    }

    /// Hands over one APDU; the status word is at the end of the answer.
    pub fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        self.events.send(Event::Command(command.to_vec())).unwrap();
        self.answers.recv().expect("the card's thread panicked")
    }

    /// Takes the power away and gives it back: the card forgets what it was shown.
    pub fn reset(&mut self) {
        self.events.send(Event::Reset).unwrap();
    }
}

// Object data stays in the volatile memory until the power goes, so it needs the same size.
const_ram_storage!(Flash, 256 * 1024);

fn flash() -> StorageConfig<'static> {
    StorageConfig { storage: Box::new(Flash::new()), format: true }
}

/// One session after the other, over the same memory.
fn live(events: &Receiver<Event>, answers: &Sender<Vec<u8>>) {
    let mut memory = StoreConfig { internal: flash(), external: flash(), volatile: flash() };
    let mut is_new = true;
    while memory.with_store(|store| run_session(store, is_new, events, answers)) {
        is_new = false;
        memory.internal.format = false;
        memory.external.format = false;
    }
}

/// Answers until a reset (true), or until nobody has the card any more.
fn run_session(store: Store<'_>, is_new: bool, events: &Receiver<Event>, answers: &Sender<Vec<u8>>) -> bool {
    let hardware = Hardware(store, OsRng, UserInterface::new());
    let mut service = Service::with_dispatch(hardware, Backends::new());
    let channel = TrussedChannel::new();
    let (requester, responder) = channel.split().unwrap();
    let context = CoreContext::new("piv".try_into().unwrap());
    let mut endpoints = [ServiceEndpoint::new(responder, context, BACKENDS)];
    let serve = CallAtOnce(move || service.process(&mut endpoints));
    let mut client = trussed::ClientImplementation::<_, Backends>::new(requester, serve, None);
    if is_new {
        let key = [1, 2, 3, 4, 5, 6, 7, 8].repeat(4);
        let mut state = Persistent::initialize(&mut client, &Options::new()).unwrap();
        state.set_administration_key(&key, AdministrationAlgorithm::Aes256, &mut client);
    }
    let piv = Authenticator::new(client, Options::new());
    let mut card = Transport { piv, is_selected: false, chained: Vec::new(), rest: Vec::new() };
    for event in events {
        match event {
            Event::Reset => return true,
            Event::Command(command) => answers.send(card.answer(&command)).unwrap(),
        }
    }
    false
}

/// Joins chained commands and cuts long answers, with the statuses of Nitrokey's dispatcher.
struct Transport<C> {
    piv: Authenticator<C>,
    is_selected: bool,
    chained: Vec<u8>,
    rest: Vec<u8>,
}

const SELECT: u8 = 0xA4;
const GET_RESPONSE: u8 = 0xC0;
/// The most data the card takes or gives.
const BUFFER: usize = 7609;

impl<C: Client> Transport<C> {
    fn answer(&mut self, apdu: &[u8]) -> Vec<u8> {
        let (mut answer, status) = match self.take(apdu) {
            Ok(None) => (Vec::new(), Status::Success),
            Err(status) => (Vec::new(), status),
            Ok(Some(expected)) => {
                let piece = self.rest.drain(..expected.min(self.rest.len())).collect();
                match self.rest.len() {
                    0 => (piece, Status::Success),
                    left => (piece, Status::MoreAvailable(left.try_into().unwrap_or(0))),
                }
            }
        };
        answer.extend(u16::from(status).to_be_bytes());
        answer
    }

    /// Puts what there is to answer into `rest` and says how much of it the reader expects now.
    fn take(&mut self, apdu: &[u8]) -> Result<Option<usize>, Status> {
        let part = CommandView::try_from(apdu).map_err(|_| Status::UnspecifiedCheckingError)?;
        let instruction = u8::from(part.instruction());
        if instruction == GET_RESPONSE {
            return if self.rest.is_empty() { Err(Status::UnspecifiedCheckingError) } else { Ok(Some(part.expected())) };
        }
        self.rest.clear();
        self.chained.extend_from_slice(part.data());
        if part.class().chain().not_the_last() {
            return Ok(None);
        }
        let data = std::mem::take(&mut self.chained);
        if data.len() > BUFFER {
            return Err(Status::WrongLength);
        }
        if instruction != SELECT && !self.is_selected {
            return Err(Status::NotFound);
        }
        let length = u16::try_from(data.len()).unwrap().to_be_bytes();
        let whole = match data.len() {
            0 => apdu[..4].to_vec(),
            _ => [&apdu[..4], &[0], &length, &data].concat(),
        };
        let mut answer = heapless::Vec::<u8, BUFFER>::new();
        let result = self.piv.respond(whole[..].try_into().unwrap(), &mut answer);
        if instruction == SELECT {
            self.is_selected = result.is_ok();
        }
        self.rest = result.map(|()| answer.to_vec())?;
        Ok(Some(part.expected()))
    }
}

/// Runs the service in the caller's thread, whenever it is called.
struct CallAtOnce<F>(F);

impl<F: FnMut()> Syscall for CallAtOnce<F> {
    fn syscall(&mut self) {
        (self.0)();
    }
}

struct Hardware<'a>(Store<'a>, OsRng, UserInterface);

impl<'a> Platform for Hardware<'a> {
    type R = OsRng;
    type S = Store<'a>;
    type UI = UserInterface;

    fn rng(&mut self) -> &mut OsRng {
        &mut self.1
    }

    fn store(&self) -> Store<'a> {
        self.0
    }

    fn user_interface(&mut self) -> &mut UserInterface {
        &mut self.2
    }
}

/// What the PIV program needs of the service beyond its core.
struct Backends(AuthBackend, StagingBackend);

const BACKENDS: &[BackendId<()>] = &[BackendId::Custom(()), BackendId::Core];

struct ExtensionNumber(u8);

impl TryFrom<u8> for ExtensionNumber {
    type Error = Error;

    fn try_from(number: u8) -> Result<Self, Error> {
        Ok(Self(number))
    }
}

macro_rules! extensions {
    ($($number:literal: $extension:path, $backend:tt;)*) => {
        impl ExtensionDispatch for Backends {
            type BackendId = ();
            type Context = (AuthContext, StagingContext);
            type ExtensionId = ExtensionNumber;

            fn extension_request<P: Platform>(
                &mut self,
                (): &(),
                extension: &ExtensionNumber,
                context: &mut Context<Self::Context>,
                request: &Request,
                resources: &mut ServiceResources<P>,
            ) -> Result<Reply, Error> {
                let Context { core, backends, .. } = context;
                match extension.0 {
                    $($number => ExtensionImpl::<$extension>::extension_request_serialized(
                        &mut self.$backend, core, &mut backends.$backend, request, resources,
                    ),)*
                    _ => Err(Error::RequestNotAvailable),
                }
            }
        }

        $(impl ExtensionId<$extension> for Backends {
            type Id = u8;
            const ID: u8 = $number;
        })*
    };
}

extensions! {
    0: trussed_auth::AuthExtension, 0;
    1: trussed_chunked::ChunkedExtension, 1;
    2: trussed_hpke::HpkeExtension, 1;
    3: trussed_wrap_key_to_file::WrapKeyToFileExtension, 1;
}

impl Backends {
    fn new() -> Self {
        let auth = AuthBackend::new(Location::Internal, FilesystemLayout::V1);
        Self(auth, StagingBackend::new())
    }
}
