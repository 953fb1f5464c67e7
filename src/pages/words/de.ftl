# Die Worte der Seiten, auf Deutsch. Namen, die auf ein Wort des Vokabulars enden (status-active), werden nach diesem gefunden.

skip-to-content = Zum Inhalt
navigation = Navigation
nav-overview = Übersicht
nav-find = Person finden
nav-requests = Anträge
nav-stock = Lager
nav-audit = Protokoll
back = zurück
change = Ändern
continue = Weiter
leave-it = Alles lassen, wie es ist
next-page = Nächste Seite
since = seit
becomes = wird
errors-title = Etwas stimmt nicht

ago-now = gerade eben
ago-minutes = { $count ->
    [one] vor { $count } Minute
   *[other] vor { $count } Minuten
}
ago-hours = { $count ->
    [one] vor { $count } Stunde
   *[other] vor { $count } Stunden
}
ago-days = { $count ->
    [one] vor { $count } Tag
   *[other] vor { $count } Tagen
}

status-available = verfügbar
status-assigned = wird ausgestellt
status-active = aktiv
status-suspended = gesperrt
status-invalid = ungültig
status-terminated = beendet
status-reserved = noch nicht signiert
status-signed = noch nicht bestätigt
status-expired = abgelaufen
status-revoked = widerrufen
status-awaiting-approval = wartet auf Freigabe
status-approved = freigegeben
status-bound = Karte zugeteilt
status-issuing = wird ausgestellt
status-issued = ausgestellt
status-rejected = abgelehnt
status-canceled = zurückgezogen

kind-smart-card = Smartcard
kind-mobile-smart-card = mobile Smartcard
kind-mobile-app = Telefon oder Tablet (App-Zertifikate)
kind-hint-smart-card = Eine Plastikkarte aus dem Lager.
kind-hint-mobile-smart-card = Eine PIV-Karte, die in einem Telefon lebt.
kind-hint-mobile-app = Zertifikate für Apps auf einem Telefon oder Tablet, ohne eigene PIN-Anwendung.

slot-auth = Anmelden
slot-sign = Signieren
slot-enc = Verschlüsselte Post
slot-card-auth = Türen

reason-damaged = Beschädigt
reason-expired = Abgelaufen
reason-lost = Verloren
reason-stolen = Gestohlen
reason-forgotten = Vergessen
reason-retired = Nicht mehr gewünscht
reason-hint-damaged = Es ist kaputt, und niemand sonst hat es. Der Verschlüsselungsschlüssel bleibt.
reason-hint-expired = Die Zertifikate sind am Ende. Der Verschlüsselungsschlüssel bleibt, wenn er nicht auch abgelaufen ist.
reason-hint-lost = Niemand weiß, wo es ist. Die Schlüssel werden widerrufen, sobald das neue Gerät da ist.
reason-hint-stolen = Jemand anders könnte es haben. Die Schlüssel werden widerrufen, sobald das neue Gerät da ist.
reason-hint-forgotten = Es ist sicher, aber nicht hier. Für einige Tage gibt es einen Ersatz; danach kommt das Gerät zurück.

mode-local = Bei der Ausgabestelle
mode-self-enrollment = Durch die Person selbst, im Portal
mode-remote = Aus der Ferne, auf das Telefon
mode-hint-local = Die Ausgabestelle stellt das Gerät in Anwesenheit der Person aus.
mode-hint-self-enrollment = Die Person meldet sich im Portal an und richtet das Gerät ein.
mode-hint-remote = Die Person erhält eine Einladung und richtet das neue Telefon ein, wo immer sie ist.

undo-cancel = Das lässt sich rückgängig machen: Zurückziehen stellt alles wieder her, bis das neue Gerät ausgestellt ist.
undo-resume = Das lässt sich rückgängig machen: entsperren.
undo-suspend = Das Gerät kann jederzeit wieder gesperrt werden.
undo-unbind = Das lässt sich rückgängig machen: Zuteilung aufheben, bis das Gerät ausgestellt wird.
undo-bind = Das lässt sich rückgängig machen: wieder zuteilen.

terminate-why = Warum endet es?
terminate-hint-retired = Es wird nicht mehr gewünscht. Seine eigenen Schlüssel werden widerrufen.
terminate-hint-damaged = Es ist kaputt, und niemand sonst hat es.
terminate-hint-lost = Niemand weiß, wo es ist: jeder Schlüssel darauf wird sofort widerrufen.
terminate-hint-stolen = Jemand anders könnte es haben: jeder Schlüssel darauf wird sofort widerrufen.

act-device-replace = Ersetzen
act-device-suspend = Sperren
act-device-resume = Entsperren
act-device-terminate = Beenden
act-device-returned = Es ist wieder da
act-credential-suspend = Dies sperren
act-credential-resume = Dies entsperren
act-request-approve = Freigeben
act-request-reject = Ablehnen
act-request-bind = Karte zuteilen
act-request-unbind = Zuteilung aufheben
act-request-invite = Neue Einladung ausgeben
act-request-cancel = Antrag zurückziehen
button-suspend = Sperren
button-resume = Entsperren
button-terminate = Für immer beenden
button-returned = Es ist zurück: wiederherstellen
button-approve = Freigeben
button-reject = Ablehnen
button-bind = Zuteilen
button-unbind = Aufheben
button-invite = Ausgeben
button-cancel = Antrag zurückziehen

find-title = Person finden
find-label = Um wen geht es?
find-hint = Der Anfang eines Namens, einer E-Mail-Adresse, eines UPN oder einer Seriennummer, oder mehrerer; oder die Seriennummer eines Zertifikats.
find-button = Suchen
find-none = Zu „{ $asked }“ wurde niemand gefunden.
find-some = { $count ->
    [one] { $count } Person
   *[other] { $count } Personen
}
find-page = { $count } Personen auf dieser Seite

new-user-title = Person aufnehmen
new-user-name = Name
new-user-email = E-Mail-Adresse
new-user-upn = UPN
new-user-upn-hint = Womit sie sich anmeldet; wie die E-Mail-Adresse, wenn leer.
new-user-button = Aufnehmen

user-devices = Geräte
user-no-devices = Noch keine.
user-under-way = In Arbeit
user-ended = { $count ->
    [one] { $count } beendetes Gerät
   *[other] { $count } beendete Geräte
}
user-history = Was geschehen ist
card-issued = Ausgestellt
card-assigned = Es wird ausgestellt.
card-until = gültig bis
card-stands-in = Es ersetzt { $device } bis
card-has-stand-in = { $device } ersetzt es zurzeit.
card-shared = Gemeinsam mit { $devices }.
card-follow = Den Ersatz verfolgen
card-history = { $count ->
    [one] { $count } früherer Verschlüsselungsschlüssel
   *[other] { $count } frühere Verschlüsselungsschlüssel
}
ended-damaged = Beendet: beschädigt
ended-expired = Beendet: abgelaufen
ended-lost = Beendet: verloren
ended-stolen = Beendet: gestohlen
ended-retired = Beendet: nicht mehr gewünscht
ended-replaced = Beendet: ersetzt
ended-lapsed = Beendet: die Zeit als Ersatz war um
ended-unissued = Es wurde nie ausgestellt
held-by-replacement = Durch einen Ersatz gesperrt ({ $reason })
held-by-desk-device = Mit seinem Gerät vom Helpdesk gesperrt
held-by-desk-credential = Vom Helpdesk gesperrt
update-opens = Es muss einmal abgeglichen werden, um den neuen Verschlüsselungsschlüssel zu holen.
update-done = auf dem neuesten Stand

what-will-happen = Was geschehen wird
what-still-works = Was dann noch geht
nothing-works = Nichts: bis das neue Gerät da ist, kann diese Person keinen Schlüssel benutzen.
nothing-changes = Auf keinem Gerät ändert sich etwas.
cannot-be-undone = Das lässt sich nicht rückgängig machen.

replace-title = { $device } ersetzen
replace-device = Gerät
replace-why = Was ist geschehen?
replace-how = Wie wird das neue ausgestellt?
replace-button = Ersatz beantragen
issue-title = Gerät ausstellen
issue-what = Was für ein Gerät?
issue-for = Für
issue-button = Beantragen
bind-which = Welche Karte?
bind-none = Es ist keine leere Karte dieser Art im Lager.
reject-because = Warum wird er abgelehnt?
reject-because-hint = In eigenen Worten, für das Protokoll. Darf leer bleiben.

request-initial = Neu: { $kind }
request-replacement = Ersatz für { $device } ({ $reason })
request-update = Abgleich von { $device }

progress-done = erledigt
progress-now = jetzt
progress-later = später
progress-failed = beendet
step-submitted = Beantragt
step-suspended = Das Gerät wurde sofort ungültig und gesperrt, was es trägt
step-suspended-count = { $count ->
    [one] { $count } Schlüssel ist gesperrt.
   *[other] { $count } Schlüssel sind gesperrt.
}
step-ocsp-says = OCSP sagt es: wir haben eben gefragt.
step-ocsp-waits = OCSP sagt es noch nicht.
step-crl-says = Die Sperrliste Nummer { $number } sagt es.
step-crl-waits = Die Sperrliste folgt binnen einer Sekunde.
step-approved = Freigegeben
step-rejected = Abgelehnt
step-canceled = Zurückgezogen: alles ist, wie es war
step-ticket-remote = Einladung
step-ticket-local = Berechtigung der Ausgabestelle
step-ticket-self-enrollment = Berechtigung der Person
step-ticket-open = gültig bis
step-ticket-used = Sie wurde benutzt.
step-ticket-expired = abgelaufen:
step-ticket-locked = Sie wurde zu oft falsch versucht und ist gesperrt. Bitte eine neue ausgeben.
step-ticket-none = Noch nicht ausgegeben.
step-keys = Schlüssel auf dem Gerät erzeugt
step-confirmed = Das neue Gerät ist aktiv
step-others = Andere Geräte abgeglichen
key-there = da
key-not-yet = noch nicht

invitation-title = Die Einladung
invitation-sent = Sie ist unterwegs an { $email }.
invitation-local = Hier ist die Berechtigung. Sie wird einmal gezeigt.
invitation-code = Bitte diesen Code am Telefon oder persönlich sagen. Er steht nicht in der E-Mail und wird nur jetzt gezeigt.
invitation-show = Einladung zeigen
invitation-text = Die Einladung als Text
invitation-qr = Die Einladung als QR-Code, für die App auf dem neuen Gerät

queue-title = Anträge
queue-mine = Was Sie jetzt tun können
queue-others = Was auf andere wartet
queue-nothing = Nichts wartet auf Sie.
queue-nothing-else = Sonst ist nichts offen.
waits-for-device = Das Gerät wird gerade ausgestellt.
waits-for-user = Er wartet auf die Person.
waits-for-role = Er wartet auf: { $role }
role-help-desk = Helpdesk
role-validation-officer = Freigabestelle
role-issuance-officer = Ausgabestelle
role-auditor = Revision

home-title = Guten Tag, { $name }
home-incidents = Verlorene oder beschädigte Geräte, die noch nicht ersetzt sind
home-no-incidents = Es gibt keine.
home-incidents-by-age = Offene Ersatzanträge nach Alter
home-expiring = Geräte, die in 30 Tagen ablaufen
home-health = Ist alles in Ordnung?
chart-age-hour = unter 1 Stunde
chart-age-day = unter 1 Tag
chart-age-three-days = unter 3 Tagen
chart-age-more = länger
health-look = Bitte ansehen:
health-crl = Sperrliste
health-number = Nummer { $number }
health-letters = Briefe
health-letters-counts = { $waiting } warten, { $failed } gescheitert
health-check = Letzte Prüfung
health-divergences = { $count ->
    [0] keine Abweichung
    [one] { $count } Abweichung
   *[other] { $count } Abweichungen
}
health-none = keine ist veröffentlicht
health-not-yet = noch nicht

stock-title = Leere Karten
stock-serial = Seriennummer
stock-model = Modell
stock-add = Ins Lager
stock-empty = Das Lager ist leer.
stock-import-title = Liste aufnehmen
stock-list = Die Liste
stock-list-hint = Eine Zeile je Karte unter der Kopfzeile kind,serial. Alles wird aufgenommen, oder nichts.
stock-import = Liste aufnehmen

log-title = Protokoll
log-when = Wann
log-what = Was
log-who = Wer
log-about = Betrifft
log-outcome = Ergebnis
log-where = Von
log-user = Person
log-request = Antrag
log-user-id = Person (Name, Adresse oder Id)
log-request-id = Id des Antrags
log-act = Handlung
log-from = Ab dem Tag
log-to = Vor dem Tag
log-verify = Protokoll prüfen
log-export = Protokoll ausleiten
outcome-done = getan
outcome-refused = verweigert
who-operator = Desk
who-user = Person
who-session = Gerät
who-stranger = fremd
who-administrator = Verwaltung
who-system = Remint
act-submit = Ersatz beantragt
act-request-initial = Gerät beantragt
act-issue = Gerät ausgestellt
act-redeem = Einladung benutzt
act-invite = Einladung ausgegeben
act-create-user = Person aufgenommen
act-terminate = Gerät beendet
act-returned = Original ist zurück
act-lapse = Ersatz abgelaufen
act-suspend = Gesperrt
act-resume = Entsperrt
act-approve = Freigegeben
act-reject = Abgelehnt
act-bind = Karte zugeteilt
act-unbind = Zuteilung aufgehoben
act-cancel = Zurückgezogen
act-open-session = Gerät hat begonnen
act-enroll = Schlüssel zertifiziert
act-release-enc = Verschlüsselungsschlüssel übergeben
act-release-history = Frühere Schlüssel übergeben
act-update = Gerät abgeglichen
act-renew = Zertifikat erneuert
act-abandon = Gerät aufgegeben
act-escalate = Beendet, da niemand es ersetzt hat
act-sign-in = Angemeldet
act-sign-out = Abgemeldet
act-set-password = Passwort gesetzt
act-give-password = Erstes Passwort gegeben
act-add-stock = Karte ins Lager genommen
act-import-stock = Liste ins Lager genommen
act-describe-user = Verzeichniseintrag geändert
verify-clean = Es ist alles in Ordnung: jeder Eintrag ist, wie er geschrieben wurde, und keiner fehlt.
verify-faults = { $count ->
    [one] { $count } Fehler
   *[other] { $count } Fehler
}
verify-counts = Einträge: { $entries }. Ketten: { $chains }. Prüfpunkte: { $checkpoints }.
verify-attested = Ein Prüfpunkt bezeugt alles bis Eintrag { $entry }.
verify-hint = Mit anderswo verwahrten Prüfpunkten vergleicht remint audit verify --checkpoint: nur sie zeigen, wenn das Ende samt seinen Prüfpunkten abgeschnitten wurde.

no-done = Das wurde nicht getan
no-now = Jetzt nicht
no-found-required = Gefunden: { $found }. Verlangt: { $required }.
no-nothing-changed = Nichts hat sich geändert.
back-and-look-again = Zurück und neu ansehen
to-the-start = Zum Anfang
code-not-permitted = Mit Ihrer Rolle dürfen Sie das nicht.
code-unknown = So etwas gibt es nicht.
code-own-request = Niemand gibt frei oder lehnt ab, was er selbst beantragt hat oder was ihn selbst betrifft. Das muss jemand anders tun.
code-not-replaceable = Dieses Gerät ist nicht in Gebrauch und kann nicht ersetzt werden.
code-wrong-mode = Ein Gerät dieser Art wird nicht auf diese Weise ausgestellt.
code-stand-in = Es gibt schon einen Ersatz. Ein vergessenes Gerät hat höchstens einen.
code-open-request = Für dieses Gerät ist schon ein Ersatz offen. Verfolgen Sie ihn, oder ziehen Sie ihn zurück.
code-not-approved = Er ist noch nicht freigegeben.
code-not-bound = Zuerst muss eine Karte zugeteilt werden.
code-wrong-state = Es ist nicht mehr in dem Zustand, den diese Seite zeigte. Vielleicht war jemand schneller.
code-not-available = Diese Karte ist nicht leer, oder nicht von der richtigen Art.
code-limit-reached = Diese Person hat so viele Geräte dieser Art, wie die Regeln erlauben.
code-malformed = Etwas an der Eingabe stimmt nicht.
code-duplicate = Das ist schon vergeben.
code-stale-form = Diese Seite ist zu alt oder wurde für jemand anderen gemacht. Bitte neu laden.
code-foreign-origin = Eine andere Seite hat das in Ihrem Namen verlangt. Es wurde verweigert.
code-certificate-required = Ihr Browser hat kein Zertifikat gezeigt. Wählen Sie Ihr Zertifikat, wenn er danach fragt.
code-wrong-certificate = Das gezeigte Zertifikat gehört niemandem am Desk, oder gilt nicht mehr.
code-conflict = Andere ändern gerade dieselbe Person. Bitte noch einmal versuchen.
code-unavailable = Der Server kann das gerade nicht. Bitte gleich noch einmal versuchen.
code-too-large = Das ist zu viel auf einmal.
code-method-not-allowed = Das geht hier nicht.

nav-devices = Meine Geräte
nav-history = Was geschah
nav-password = Passwort
sign-out = Abmelden
signed-out = Sie sind abgemeldet
sign-in-again = Wieder anmelden
sign-in-title = Anmelden
sign-in-login = E-Mail-Adresse oder UPN
sign-in-password = Passwort
sign-in-button = Weiter
sign-in-device = Ihr Browser hat das Zertifikat von { $device } gezeigt. Sie brauchen weder Passwort noch Code.
sign-in-device-button = Anmelden als
sign-in-or-password = Oder mit Ihrem Passwort
sign-in-help-title = Sie können sich nicht anmelden?
sign-in-help = Der Helpdesk kann Ihr Gerät für Sie melden und Ihnen ein erstes Passwort geben. Sie erreichen ihn { $desk }.
sign-in-reported = Ihr Gerät ist gemeldet und gilt nicht mehr, also meldet es Sie auch nicht mehr an. Melden Sie sich mit Ihrem Passwort an, um den Antrag zu verfolgen.
sign-in-wait = Das war zu oft hintereinander. Versuchen Sie es in { $minutes ->
    [one] einer Minute
   *[other] { $minutes } Minuten
} wieder.
code-title = Sehen Sie in Ihre Post
code-label = Der Code
code-hint = Sechs Ziffern. Wir haben sie gerade an Ihre E-Mail-Adresse geschickt; sie gelten zehn Minuten, nur in diesem Browser.
code-button = Anmelden
code-again = Kein Brief? Von vorn beginnen
password-title = Ihr Passwort ändern
password-first-title = Setzen Sie ein eigenes Passwort
password-first = Das Passwort, das Sie bekommen haben, ist verbraucht: Es meldet nur einmal an.
password-current = Ihr jetziges Passwort
password-new = Ihr neues Passwort
password-hint = Mindestens 12 Zeichen, und nicht Ihr Name. Gut sind drei oder vier Wörter, die niemand zusammen nennen würde.
password-button = Passwort setzen

portal-devices = Ihre Geräte
portal-no-devices = Sie haben noch keines. Der Helpdesk kann eines für Sie beantragen: Sie erreichen ihn { $desk }.
portal-stand-in = Ein Ersatz, bis
portal-report = Damit ist etwas geschehen
portal-enroll-now = Er ist freigegeben. Sie können Ihr neues Gerät jetzt einrichten.
history-hint = Wenn Sie etwas davon nicht waren, sagen Sie es dem Helpdesk: Sie erreichen ihn { $desk }.

report-title = Was ist mit { $device } geschehen?
report-how = Wie möchten Sie das neue bekommen?
report-button = Jetzt melden
my-mode-remote = Auf das neue Telefon, von überall
my-mode-self-enrollment = Ich richte es selbst ein, hier am Portal
my-mode-local = Ich gehe zu einer Ausgabestelle
my-step-ticket-remote = Ihre Einladung
my-step-ticket-local = Berechtigung der Ausgabestelle
my-step-ticket-self-enrollment = Ihre Berechtigung
my-mode-hint-remote = Sie bekommen eine Einladung per E-Mail.
my-mode-hint-self-enrollment = Nach der Freigabe scannen Sie mit dem neuen Gerät einen Code, oder Sie legen die Karte in einen Leser.
my-mode-hint-local = Die Ausgabestelle richtet es ein, während Sie da sind.

my-ticket = Den Code zum Einrichten zeigen
my-ticket-hint = Nehmen Sie das neue Gerät zur Hand. Der Code wird einmal gezeigt; ein weiterer macht ihn ungültig.
my-ticket-title = Richten Sie Ihr neues Gerät ein
my-ticket-phone = Öffnen Sie die App auf dem neuen Gerät und scannen Sie das hier.
my-ticket-card = Legen Sie die Karte in den Leser, und geben Sie das hier dem Programm, das sie einrichtet.
my-ticket-code = Die App fragt auch nach diesem Code:
my-cancel = Zurücknehmen
my-not-me = Das war ich nicht
my-dispute = Sie haben gesagt, dass Sie das nicht waren. Der Helpdesk weiß es und meldet sich; Sie erreichen ihn { $desk }. Gesagt am
not-me-what = Jemand anderes hat das in Ihrem Namen verlangt? Dann:
not-me-told = Der Helpdesk erfährt es sofort und sieht es am Antrag.
not-me-unchanged = Was gesperrt ist, bleibt gesperrt: Das hält alle fern, auch wer es verlangt hat.
not-me-call = Rufen Sie den Helpdesk auch an, wenn es eilt. Sie erreichen ihn { $desk }.
not-me-password = Wenn es am Portal geschah, kennt jemand Ihr Passwort: Setzen Sie ein anderes.
not-me-button = Dem Helpdesk sagen

disputed-title = Die Person sagt: Das war ich nicht
disputed = Sprechen Sie mit ihr, bevor Sie etwas anderes tun. Gesagt am
disputed-look = Den Antrag ansehen

act-send-code = Code zum Anmelden geschickt
act-dispute = Bestritten: „Das war ich nicht“
code-wrong-password = Diese Adresse und dieses Passwort gehören nicht zusammen.
code-wrong-current-password = Das ist nicht Ihr jetziges Passwort.
code-wrong-code = Das ist nicht der Code des letzten Briefes. Sehen Sie noch einmal nach, oder beginnen Sie von vorn.
code-weak-password = Es muss 12 bis 128 Zeichen haben, davon fünf verschiedene, und Ihr Name darf nicht darin sein.
code-sign-in-required = Sie sind nicht angemeldet oder waren zu lange weg. Melden Sie sich wieder an.
code-second-step-required = Der Code fehlt noch.
code-password-change-required = Setzen Sie zuerst ein eigenes Passwort.
code-too-many-requests = Das war zu oft. Warten Sie ein wenig.

letters-undelivered = Ein Brief ist nicht angekommen
letters-again = Nächster Versuch:
letters-given-up = Er wurde aufgegeben: Erreichen Sie die Person auf anderem Weg.
letter-invitation = Einladung
letter-suspended = Meldung eines Geräts
letter-approval-needed = An die Freigabe: wartet
letter-approved = Freigegeben
letter-rejected = Abgelehnt
letter-canceled = Zurückgezogen
letter-update-waiting = Ein Gerät wartet auf seinen Abgleich
letter-disputed = An die Freigabe: bestritten

nav-letters = Briefe
nav-recoveries = Schlüsselbergung
give-password-title = Erstes Passwort für das Portal
give-password-what = Es meldet einmal an, innerhalb von 72 Stunden, und dann setzt die Person ein eigenes. Ihr jetziges Passwort und jede ihrer Sitzungen enden. Vergewissern Sie sich, dass Sie mit der richtigen Person sprechen.
give-password-button = Ein erstes Passwort geben
give-password-given = Lesen Sie das vor
give-password-once = Es wird nur jetzt gezeigt. Immer vier Buchstaben oder Ziffern; Null, Eins, l und o kommen nicht vor.
directory-title = Verzeichniseintrag
directory-what = Was Zertifikate außer den Namen tragen dürfen. Bestehende Zertifikate bleiben, wie sie sind.
directory-sid = SID des Windows-Kontos
directory-fasc-n = FASC-N
directory-fasc-n-hint = 50 hexadezimale Ziffern.
directory-policies = Zertifikatrichtlinien
directory-policies-hint = OIDs mit Punkten, eine je Zeile.
directory-button = Behalten
letters-title = Briefe
letters-all = alle
letters-none = Es gibt keine.
letters-state = Stand
letters-what = Was
letters-to = An
letter-state-waiting = wartet
letter-state-delivered = zugestellt
letter-state-failed = aufgegeben
letter-issued = Gerät ausgestellt
letter-ended = Gerät beendet
letter-held = Gesperrt
letter-released = Entsperrt
letter-sign-in-code = Code zum Anmelden
letter-recovered = Schlüssel geborgen
status-refused = abgelehnt
status-collected = abgeholt
recoveries-title = Schlüsselbergung
recoveries-what = Post, die gelesen werden muss, obwohl ihr Leser fort ist. Eine Ausgabestelle verlangt sie, eine Freigabestelle gibt sie frei, und die erste holt die Schlüssel ab. Die Person bekommt einen Brief.
recoveries-none = Niemand hat eine verlangt.
recover-title = Schlüssel bergen
recover-because = Warum?
recover-because-hint = 10 bis 500 Zeichen: für die Freigabe und für das Protokoll.
recover-recipient = Ihr Zertifikatantrag
recover-recipient-hint = Die Schlüssel werden für seinen Schlüssel verschlüsselt, der bei Ihnen bleibt. So wird er gemacht:
recover-button = Verlangen
recover-asked = Verlangt
recover-until = Bis
recover-keys = Schlüssel
recover-fingerprint = SHA-256 des Schlüssels, für den verschlüsselt wird
recover-compare = Wer freigibt, vergleicht das mit dem, was die verlangende Stelle auf anderem Weg sagt.
recover-approve = Freigeben
recover-refuse = Ablehnen
recover-collect = Die Schlüssel abholen, einmal
recover-collected = Die Schlüssel
recover-collected-hint = Sie werden nur jetzt gezeigt; docs/recovery.md sagt, wie man sie öffnet.
recover-enveloped = Der private Schlüssel, für Sie verschlüsselt (CMS)
recover-certificate = Sein Zertifikat
act-ask-recovery = Schlüsselbergung verlangt
act-approve-recovery = Schlüsselbergung freigegeben
act-refuse-recovery = Schlüsselbergung abgelehnt
act-collect-recovery = Schlüssel geborgen

step-approval-waits = Eine Stelle muss ihn freigeben
my-undo-cancel = Sie können die Meldung zurücknehmen, bis sie freigegeben ist. Danach kann der Helpdesk sie zurückziehen und alles wiederherstellen, bis das neue Gerät ausgestellt ist.

home-suspended = Länger als eine Woche gesperrt
health-checkpoint = Letzter Prüfpunkt des Protokolls

status-waits-for-sync = wartet auf Abgleich
card-original-back = Das Original ist wieder da
ends-nothing = Dadurch endet nichts: Was gesperrt war, wird wiederhergestellt, und was neu ausgegeben wird, tritt an die Stelle des Bisherigen.
queue-all = Alle Anträge
home-ticket = Einladung gültig bis
act-request-ticket = Das Ticket ausgeben
field-name = Name
field-email = E-Mail-Adresse
field-upn = UPN
field-serial = Seriennummer
field-model = Modell

my-code-not-permitted = Das können Sie am Portal nicht selbst tun. Der Helpdesk kann es.
my-code-certificate-required = Ihr Browser hat kein Zertifikat gezeigt. Wählen Sie das Ihres Geräts, wenn er fragt, oder melden Sie sich mit dem Passwort an.
my-code-wrong-certificate = Das Zertifikat, das Ihr Browser gezeigt hat, ist nicht das eines Ihrer aktiven Geräte.
