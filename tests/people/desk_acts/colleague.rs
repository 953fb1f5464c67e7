//! Somebody at the desk, with a connection of their own: what they do must be on the audit log under their certificate.

use std::collections::BTreeSet;

use mobile_sim::Identity;
use mobile_sim::certificate::Certificate;
use mobile_sim::key::Key;
use mobile_sim::wire::Client;
use remint::lifecycle::actor::{Actor, Operator, Role};
use remint::pki::key::sha256;
use remint::store::audit::Who;
use remint::workflows::add_operator::add_operator;
use remint::workflows::world::Caller;

use crate::support::live::Live;

pub struct Colleague {
    pub role: &'static str,
    pub operator: Operator,
    pub desk: Client,
    /// As the audit log names them.
    pub who: Who,
}

impl Colleague {
    pub async fn hired<const N: usize>(live: &Live, name: &str, roles: [Role; N]) -> Self {
        let hired = add_operator(live.world(), name, BTreeSet::from(roles), None).await.unwrap();
        let chain: Vec<_> = live.world().authority.chain().iter().map(|link| Certificate::from_der(link.clone()).unwrap()).collect();
        let key = Key::from_pkcs8(&hired.key.to_pkcs8().unwrap()).unwrap();
        let fingerprint = sha256(&hired.certificate).iter().map(|byte| format!("{byte:02X}")).collect();
        let identity = Identity::new(&Certificate::from_der(hired.certificate).unwrap(), &key, &chain);
        Self {
            role: roles.first().map_or("nobody", |role| role.as_str()),
            who: Who::Operator { id: hired.operator.id, fingerprint },
            operator: hired.operator,
            desk: live.at_desk(Some(identity)),
        }
    }

    /// One of each role, and one without any.
    pub async fn one_of_each(live: &Live) -> [Self; 5] {
        [
            Self::hired(live, "Hana", [Role::HelpDesk]).await,
            Self::hired(live, "Vera", [Role::ValidationOfficer]).await,
            Self::hired(live, "Ivo", [Role::IssuanceOfficer]).await,
            Self::hired(live, "Ada", [Role::Auditor]).await,
            Self::without_a_role(live).await,
        ]
    }

    /// Nobody can be hired so; a record may have come to it.
    async fn without_a_role(live: &Live) -> Self {
        let colleague = Self::hired(live, "Nils", [Role::Auditor]).await;
        let id = live.literal(colleague.operator.id.0);
        assert_eq!(live.sql(&format!("DELETE FROM operator_roles WHERE operator_id = {id}")).await, 1);
        Self { role: "nobody", ..colleague }
    }

    /// As a refusal describes them.
    pub fn described(&self) -> &'static str {
        if self.role == "nobody" { "an operator without a role" } else { self.role }
    }

    /// As a workflow is told of them.
    pub fn caller(&self) -> Caller {
        Caller { actor: Actor::Operator(self.operator.clone()), who: self.who.clone(), source: "127.0.0.1".to_owned(), session: None }
    }
}
