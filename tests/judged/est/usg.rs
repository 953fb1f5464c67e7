//! usg-est-client: TLS 1.3 only, its own reader of PKCS#7 and csrattrs.

use der::Encode;
use usg_est_client::{EnrollmentResponse, EstClient, EstClientConfig, EstClientConfigBuilder};

use super::plain::{Plain, name_and_password};

impl Plain {
    fn client(&self, label: &str) -> EstClientConfigBuilder {
        let builder = EstClientConfig::builder().server_url(self.url("")).unwrap();
        builder.ca_label(label).trust_explicit(vec![self.live.root.clone().into_bytes()])
    }

    async fn csr(&self, name: &str) -> Vec<u8> {
        self.key_and_request(name).await;
        self.read("der")
    }

    /// Keeps what was issued, as PEM.
    async fn keep(&self, name: &str, answer: EnrollmentResponse) {
        let EnrollmentResponse::Issued { certificate } = answer else { panic!("pending") };
        self.write("issued.der", certificate.to_der().unwrap());
        self.does("openssl", &["x509", "-inform", "DER", "-in", "@issued.der", "-out", &format!("@{name}.pem")]).await;
    }

    async fn with_identity(&self, label: &str, name: &str) -> EstClient {
        let (certificate, key) = (self.read(&format!("{name}.pem")), self.read(&format!("{name}.key")));
        EstClient::new(self.client(label).client_identity_pem(certificate, key).build().unwrap()).await.unwrap()
    }
}

#[tokio::test]
async fn usg_est_client_takes_a_phone_from_the_invitation_to_the_active_device_and_renews_its_certificate() {
    let plain = Plain::start().await;
    let invited = plain.invite().await;
    let credentials = name_and_password(&invited);
    let (name, password) = credentials.split_once(':').unwrap();
    let stranger = EstClient::new(plain.client("boot").http_auth(name, password).build().unwrap()).await.unwrap();
    assert_eq!(stranger.get_ca_certs().await.unwrap().certificates.len(), 2);
    let wanted: Vec<String> =
        stranger.get_csr_attributes().await.unwrap().attributes.iter().map(|attribute| attribute.oid.to_string()).collect();
    assert_eq!(wanted, ["1.2.840.113549.1.9.16.2.61", "1.2.840.10045.2.1", "1.2.840.10045.4.3.2"]);

    let csr = plain.csr("boot").await;
    plain.keep("boot", stranger.simple_enroll(&csr).await.unwrap()).await;
    for (slot, shown) in [("auth", "boot"), ("sign", "auth")] {
        let (client, csr) = (plain.with_identity(slot, shown).await, plain.csr(slot).await);
        plain.keep(slot, client.simple_enroll(&csr).await.unwrap()).await;
    }
    assert_eq!(plain.state().await, "active");

    let (client, csr) = (plain.with_identity("auth", "auth").await, plain.csr("newer").await);
    plain.keep("newer", client.simple_reenroll(&csr).await.unwrap()).await;
    let held = plain.live.lookup(&plain.user).await;
    let auths: Vec<&str> =
        held["credentials"].as_array().unwrap().iter().filter(|c| c["slot"] == "auth").map(|c| c["status"].as_str().unwrap()).collect();
    assert_eq!(auths, ["revoked", "active"]);
    assert_eq!(plain.live.faults().await, Vec::<String>::new());
    plain.live.stop().await;
}
