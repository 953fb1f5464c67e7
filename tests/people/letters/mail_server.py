"""A mail server for tests: keeps what it takes, one file a letter, and says on its output where it listens.

Usage: mail_server.py FOLDER CERTIFICATE KEY plain|starttls|tls [PASSWORD]
Whoever signs in is remint. Letters to nobody@ are refused.
"""

import asyncio
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

folder, certificate, key, security = sys.argv[1:5]
password = sys.argv[5].encode() if len(sys.argv) > 5 else None


class Keeper:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 there is nobody of this name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        protected = session.ssl is not None or security == "tls"
        name = os.path.join(folder, f"{len(os.listdir(folder)):03}.eml")
        with open(name + ".tmp", "wb") as file:
            file.write(f"X-Test: tls={protected} signed-in={session.authenticated} hello={session.host_name}\r\n".encode())
            file.write(envelope.original_content)
        os.rename(name + ".tmp", name)
        return "250 OK"


def signs_in(server, session, envelope, mechanism, data):
    return AuthResult(success=data.login == b"remint" and data.password == password, handled=False)


async def main():
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    options = {"hostname": "localhost"}
    if security == "starttls":
        options |= {"tls_context": tls, "require_starttls": True}
    if password is not None:
        options |= {"authenticator": signs_in, "auth_required": True, "auth_require_tls": security == "starttls"}
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(Keeper(), **options), "127.0.0.1", 0, ssl=tls if security == "tls" else None
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
