//! What a device is told to put into a certification request: the key and the signature that every slot wants.
//! It asks for no names and no extensions, because none is ever taken from a request.

/// The body of `csrattrs`, DER; on the wire it is base64. The same is said twice: as a template for those who know RFC 9908 §3.4, and as
/// the single attributes of RFC 7030 §4.5.2 and RFC 8951 §3.4 for those who do not.
///
/// ```text
/// SEQUENCE {
///   Attribute { id-aa-certificationRequestInfoTemplate (1.2.840.113549.1.9.16.2.61), SET {
///     SEQUENCE { version 0, no subject, [0] { AlgorithmIdentifier { id-ecPublicKey, secp256r1 } }, no key, [1] { no attributes } } } }
///   Attribute { id-ecPublicKey (1.2.840.10045.2.1), SET { secp256r1 (1.2.840.10045.3.1.7) } }
///   OID ecdsa-with-SHA256 (1.2.840.10045.4.3.2)
/// }
/// ```
pub const CSR_ATTRIBUTES: &[u8] = &[
    0x30, 0x50, //
    0x30, 0x2d, 0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x3d, //
    0x31, 0x1e, 0x30, 0x1c, 0x02, 0x01, 0x00, //
    0xa0, 0x15, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, //
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, //
    0xa1, 0x00, //
    0x30, 0x15, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, //
    0x31, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, //
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::judge::Court;

    #[test]
    fn openssl_reads_the_template_the_curve_and_the_signature_algorithm() {
        let court = Court::new();
        court.file("csrattrs.der", CSR_ATTRIBUTES);
        let words = court.accepts("asn1parse -in csrattrs.der -inform DER");
        let structure: Vec<String> = words
            .lines()
            .map(|line| {
                let depth = line.split("d=").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap_or_default();
                let value = line.split(": ").nth(1).unwrap_or_default();
                format!("{depth} {}", value.split_whitespace().collect::<Vec<_>>().join(" "))
            })
            .collect();
        let expected = [
            "0 SEQUENCE",
            "1 SEQUENCE",
            "2 OBJECT :1.2.840.113549.1.9.16.2.61",
            "2 SET",
            "3 SEQUENCE",
            "4 INTEGER :00",
            "4 cont [ 0 ]",
            "5 SEQUENCE",
            "6 OBJECT :id-ecPublicKey",
            "6 OBJECT :prime256v1",
            "4 cont [ 1 ]",
            "1 SEQUENCE",
            "2 OBJECT :id-ecPublicKey",
            "2 SET",
            "3 OBJECT :prime256v1",
            "1 OBJECT :ecdsa-with-SHA256",
        ];
        assert_eq!(structure, expected);
    }
}
