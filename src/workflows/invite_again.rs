//! A new ticket for a request: the former one dies, and the session that came of it is given up. Remote: for the user, as an invitation.
//! Local: for the issuance officer who asks. Self-enrollment: for the signed-in user.

use super::errand::{Errand, Scene, Subject};
use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::acts::invite::{Invite, invite};
use crate::lifecycle::change::Change;
use crate::lifecycle::effects::Undo;
use crate::lifecycle::ids::RequestId;
use crate::lifecycle::refusal::Refusal;

/// For which request; its invitation is shown once.
#[derive(Clone, Copy, Debug)]
pub struct InviteAgain {
    pub request: RequestId,
}

impl Errand for InviteAgain {
    fn name(&self) -> &'static str {
        "invite"
    }

    fn subject(&self) -> Subject {
        Subject::Request(self.request)
    }

    fn may(&self, actor: &Actor) -> Result<(), Refusal> {
        match actor {
            Actor::User(_) => Ok(()),
            Actor::Operator(_) | Actor::System => actor.must_be(Role::HelpDesk).or_else(|_| actor.must_be(Role::IssuanceOfficer)),
        }
    }

    fn decide(&self, scene: &Scene<'_>) -> Result<Vec<Change>, Refusal> {
        let Scene { world, actor, holdings, now, .. } = scene;
        let act = Invite { actor: (*actor).clone(), request: self.request, ticket: world.fresh_ticket() };
        invite(holdings, &world.policy, &act, *now)
    }

    fn undo(&self) -> Undo {
        Undo::Never { because: "the former ticket and its session are dead; another can be given out" }
    }
}
