# The words of the pages, in English. Ids that end in a word of the vocabulary (status-active) are looked up by that word.

skip-to-content = Skip to the content
navigation = Navigation
nav-overview = Overview
nav-find = Find a user
nav-requests = Requests
nav-stock = Stock
nav-audit = Audit log
back = back
change = Change
continue = Continue
leave-it = Leave everything as it is
next-page = Next page
since = since
becomes = becomes
errors-title = There is a problem

ago-now = just now
ago-minutes = { $count ->
    [one] { $count } minute ago
   *[other] { $count } minutes ago
}
ago-hours = { $count ->
    [one] { $count } hour ago
   *[other] { $count } hours ago
}
ago-days = { $count ->
    [one] { $count } day ago
   *[other] { $count } days ago
}

status-available = available
status-assigned = being issued
status-active = active
status-suspended = suspended
status-invalid = invalid
status-terminated = terminated
status-reserved = not yet signed
status-signed = not yet confirmed
status-expired = expired
status-revoked = revoked
status-awaiting-approval = awaiting approval
status-approved = approved
status-bound = card bound
status-issuing = being issued
status-issued = issued
status-rejected = rejected
status-canceled = canceled

kind-smart-card = smart card
kind-mobile-smart-card = mobile smart card
kind-mobile-app = phone or tablet (app certificates)
kind-hint-smart-card = A plastic card from stock.
kind-hint-mobile-smart-card = A PIV card that lives in a phone.
kind-hint-mobile-app = Certificates for apps on a phone or tablet; no PIN application of its own.

slot-auth = Logging on
slot-sign = Signing
slot-enc = Encrypted mail
slot-card-auth = Doors

reason-damaged = Damaged
reason-expired = Expired
reason-lost = Lost
reason-stolen = Stolen
reason-forgotten = Forgotten
reason-retired = No longer wanted
reason-hint-damaged = It is broken, and nobody else has it. The encryption key is kept.
reason-hint-expired = Its certificates are at their end. The encryption key is kept unless it has expired too.
reason-hint-lost = Nobody knows where it is. Its keys are revoked once the new device is there.
reason-hint-stolen = Somebody else may have it. Its keys are revoked once the new device is there.
reason-hint-forgotten = It is safe, but not here. A stand-in is issued for a few days; the device comes back afterwards.

mode-local = At an issuance officer
mode-self-enrollment = By the user, at the portal
mode-remote = Remotely, onto the phone
mode-hint-local = An officer personalizes the device while the user is there.
mode-hint-self-enrollment = The user signs in to the portal and enrolls the device.
mode-hint-remote = The user gets an invitation and issues onto the new phone from anywhere.

undo-cancel = It can be undone: cancel restores everything, until the new device is issued.
undo-resume = It can be undone: resume.
undo-suspend = The device can be suspended again at any time.
undo-unbind = It can be undone: unbind, until the device is being issued.
undo-bind = It can be undone: bind again.

terminate-why = Why does it end?
terminate-hint-retired = It is no longer wanted. Its own keys are revoked.
terminate-hint-damaged = It is broken, and nobody else has it.
terminate-hint-lost = Nobody knows where it is: every key on it is revoked at once.
terminate-hint-stolen = Somebody else may have it: every key on it is revoked at once.

act-device-replace = Replace
act-device-suspend = Suspend
act-device-resume = Resume
act-device-terminate = Terminate
act-device-returned = It was found again
act-credential-suspend = Suspend this
act-credential-resume = Resume this
act-request-approve = Approve
act-request-reject = Reject
act-request-bind = Bind a card
act-request-unbind = Unbind the card
act-request-invite = Give out a new invitation
act-request-cancel = Cancel the request
button-suspend = Suspend
button-resume = Resume
button-terminate = Terminate for ever
button-returned = It is back: restore it
button-approve = Approve
button-reject = Reject
button-bind = Bind
button-unbind = Unbind
button-invite = Give out
button-cancel = Cancel the request

find-title = Find a user
find-label = Who is it about?
find-hint = The beginning of a name, e-mail address, UPN or device serial, or of several; or the serial of a certificate.
find-button = Find
find-none = Nobody was found for “{ $asked }”.
find-some = { $count ->
    [one] { $count } user
   *[other] { $count } users
}
find-page = { $count } users on this page

new-user-title = Enter a new user
new-user-name = Name
new-user-email = E-mail address
new-user-upn = UPN
new-user-upn-hint = What they log on with; the same as the e-mail address if left empty.
new-user-button = Enter

user-devices = Devices
user-no-devices = None yet.
user-under-way = Under way
user-ended = { $count ->
    [one] { $count } device that has ended
   *[other] { $count } devices that have ended
}
user-history = What was done
card-issued = Issued
card-assigned = It is being issued.
card-until = valid until
card-stands-in = It stands in for { $device } until
card-has-stand-in = { $device } stands in for it.
card-shared = Shared with { $devices }.
card-follow = Follow the replacement
card-history = { $count ->
    [one] { $count } earlier encryption key
   *[other] { $count } earlier encryption keys
}
ended-damaged = Ended: damaged
ended-expired = Ended: expired
ended-lost = Ended: lost
ended-stolen = Ended: stolen
ended-retired = Ended: retired
ended-replaced = Ended: replaced
ended-lapsed = Ended: its time as a stand-in was up
ended-unissued = It was never issued
held-by-replacement = Held by a replacement ({ $reason })
held-by-desk-device = Suspended with its device by the help desk
held-by-desk-credential = Suspended by the help desk
update-opens = It must be synced once, to collect the new encryption key.
update-done = up to date

what-will-happen = What will happen
what-still-works = What still works then
nothing-works = Nothing: until the new device is there, no credential of this user can be used.
nothing-changes = Nothing changes on any device.
cannot-be-undone = This cannot be undone.

replace-title = Replace { $device }
replace-device = Device
replace-why = What happened?
replace-how = How will the new one be issued?
replace-button = Submit the replacement
issue-title = Issue a device
issue-what = What kind of device?
issue-for = For
issue-button = Request it
bind-which = Which card?
bind-none = There is no blank card of this kind in stock.
reject-because = Why is it rejected?
reject-because-hint = In your own words, for the audit log. May be left empty.

request-initial = New { $kind }
request-replacement = Replacement of { $device } ({ $reason })
request-update = Update of { $device }

progress-done = done
progress-now = now
progress-later = later
progress-failed = ended
step-submitted = Submitted
step-suspended = The device was made invalid at once, and what it carries suspended
step-suspended-count = { $count ->
    [one] { $count } credential is held.
   *[other] { $count } credentials are held.
}
step-ocsp-says = OCSP says so: we have just asked it.
step-ocsp-waits = OCSP does not say so yet.
step-crl-says = CRL number { $number } says so.
step-crl-waits = The CRL follows within a second.
step-approved = Approved
step-rejected = Rejected
step-canceled = Canceled: everything is as it was
step-ticket-remote = Invitation
step-ticket-local = The officer's ticket
step-ticket-self-enrollment = The user's ticket
step-ticket-open = good until
step-ticket-used = It was used.
step-ticket-expired = expired:
step-ticket-locked = It was tried too often, and is locked. Give out a new one.
step-ticket-none = Not given out yet.
step-keys = Keys made on the device
step-confirmed = The new device is active
step-others = Other devices brought up to date
key-there = there
key-not-yet = not yet

invitation-title = The invitation
invitation-sent = It is on its way to { $email }.
invitation-local = Here is the ticket. It is shown once.
invitation-code = Tell the user this code, by telephone or in person. It is not in the e-mail, and is shown only now.
invitation-show = Show the invitation
invitation-text = The invitation as text
invitation-qr = The invitation as a QR code, for the app on the new device

queue-title = Requests
queue-mine = What you can do now
queue-others = What waits for others
queue-nothing = Nothing waits for you.
queue-nothing-else = Nothing else is open.
waits-for-device = The device is being issued.
waits-for-user = It waits for the user.
waits-for-role = It waits for: { $role }
role-help-desk = help desk
role-validation-officer = validation officer
role-issuance-officer = issuance officer
role-auditor = auditor

home-title = Hello, { $name }
home-incidents = Devices that are lost or broken, and not replaced yet
home-no-incidents = There are none.
home-incidents-by-age = Open replacements by age
home-expiring = Devices that end within 30 days
home-health = Is all well?
chart-age-hour = under an hour
chart-age-day = under a day
chart-age-three-days = under 3 days
chart-age-more = longer
health-look = Look at this:
health-crl = CRL
health-number = number { $number }
health-letters = Letters
health-letters-counts = { $waiting } waiting, { $failed } failed
health-check = Last check
health-divergences = { $count ->
    [0] no divergence
    [one] { $count } divergence
   *[other] { $count } divergences
}
health-none = none has been published
health-not-yet = not yet

stock-title = Blank cards
stock-serial = Serial number
stock-model = Model
stock-add = Add to stock
stock-empty = The stock is empty.
stock-import-title = Add a list
stock-list = The list
stock-list-hint = A line for each card below the header kind,serial. All of it is added, or nothing.
stock-import = Add the list

log-title = Audit log
log-when = When
log-what = What
log-who = Who
log-about = About
log-outcome = Outcome
log-where = From
log-user = user
log-request = request
log-user-id = User (name, address or id)
log-request-id = Request id
log-act = Act
log-from = From the day
log-to = Before the day
log-verify = Verify the log
log-export = Export the log
outcome-done = done
outcome-refused = refused
who-operator = operator
who-user = user
who-session = device
who-stranger = stranger
who-administrator = administrator
who-system = Remint
act-submit = Replacement submitted
act-request-initial = Device requested
act-issue = Device issued
act-redeem = Invitation used
act-invite = Invitation given out
act-create-user = User entered
act-terminate = Device terminated
act-returned = Original is back
act-lapse = Stand-in lapsed
act-suspend = Suspended
act-resume = Resumed
act-approve = Approved
act-reject = Rejected
act-bind = Card bound
act-unbind = Card unbound
act-cancel = Canceled
act-open-session = Device began
act-enroll = Key certified
act-release-enc = Encryption key handed over
act-release-history = Earlier keys handed over
act-update = Device brought up to date
act-renew = Certificate renewed
act-abandon = Device given up
act-escalate = Terminated, as nobody replaced it
act-sign-in = Signed in
act-sign-out = Signed out
act-set-password = Password set
act-give-password = First password given
act-add-stock = Card added to stock
act-import-stock = List added to stock
act-describe-user = Directory entry changed
verify-clean = Nothing is wrong: every entry is as it was written, and none is missing.
verify-faults = { $count ->
    [one] { $count } fault
   *[other] { $count } faults
}
verify-counts = Entries: { $entries }. Chains: { $chains }. Checkpoints: { $checkpoints }.
verify-attested = A checkpoint attests everything up to entry { $entry }.
verify-hint = Compare with checkpoints that are kept elsewhere by remint audit verify --checkpoint: only they show that the end was cut off together with its checkpoints.

no-done = That was not done
no-now = Not now
no-found-required = Found: { $found }. Required: { $required }.
no-nothing-changed = Nothing has changed.
back-and-look-again = Back, and look again
to-the-start = To the start
code-not-permitted = You may not do this with your role.
code-unknown = There is no such thing.
code-own-request = Nobody approves or rejects what they asked for, or what concerns themselves. It needs somebody else.
code-not-replaceable = This device is not in use, so it cannot be replaced.
code-wrong-mode = A device of this kind is not issued in this way.
code-stand-in = There is a stand-in already. A forgotten device has one at most.
code-open-request = A replacement of this device is open already. Follow it, or cancel it.
code-not-approved = It has not been approved yet.
code-not-bound = A card must be bound first.
code-wrong-state = It is no longer in the state that this page showed. Somebody else may have been quicker.
code-not-available = This card is not blank, or not of the right kind.
code-limit-reached = This user has as many devices of this kind as the policy allows.
code-malformed = Something of what was sent is not right.
code-duplicate = This is taken already.
code-stale-form = This page is too old, or was made for somebody else. Load it again.
code-foreign-origin = Another site asked for this in your name. It was refused.
code-certificate-required = Your browser showed no certificate. Choose your operator certificate when it asks.
code-wrong-certificate = The certificate that your browser showed is not an operator's, or is no longer good.
code-conflict = Others are changing the same user at this moment. Try again.
code-unavailable = The server cannot do this now. Try again in a moment.
code-too-large = That is too much at once.
code-method-not-allowed = That cannot be done here.

nav-devices = My devices
nav-history = What was done
nav-password = Password
sign-out = Sign out
signed-out = You are signed out
sign-in-again = Sign in again
sign-in-title = Sign in
sign-in-login = E-mail address or UPN
sign-in-password = Password
sign-in-button = Continue
sign-in-device = Your browser showed the certificate of { $device }. You need neither password nor code.
sign-in-device-button = Sign in as
sign-in-or-password = Or with your password
sign-in-help-title = You cannot sign in?
sign-in-help = The help desk can report your device for you, and give you a first password. You reach it { $desk }.
sign-in-reported = Your device is reported and no longer works, so it no longer signs you in. Sign in with your password to follow the request.
sign-in-wait = That was too often in a row. Try again in { $minutes ->
    [one] a minute
   *[other] { $minutes } minutes
}.
code-title = Look into your mail
code-label = The code
code-hint = Six digits. We have just sent them to your e-mail address; they are good for ten minutes, in this browser only.
code-button = Sign in
code-again = No letter? Begin again
password-title = Change your password
password-first-title = Set a password of your own
password-first = The one that you were given is spent: it signs in once.
password-current = Your password now
password-new = Your new password
password-hint = At least 12 characters, and not your name. Three or four words that nobody would put together are good.
password-button = Set the password

portal-devices = Your devices
portal-no-devices = You have none yet. The help desk can request one for you: you reach it { $desk }.
portal-stand-in = A stand-in, until
portal-report = Something happened to it
portal-enroll-now = It is approved. You can enroll your new device now.
history-hint = If something of this was not you, tell the help desk: you reach it { $desk }.

report-title = What happened to { $device }?
report-how = How do you want to get the new one?
report-button = Report it now
my-mode-remote = On the new phone, from anywhere
my-mode-self-enrollment = I enroll it myself, here at the portal
my-mode-local = I go to an issuance officer
my-step-ticket-remote = Your invitation
my-step-ticket-local = The officer's ticket
my-step-ticket-self-enrollment = Your ticket
my-mode-hint-remote = You get an invitation by e-mail.
my-mode-hint-self-enrollment = Once it is approved, you scan a code with the new device, or put the card into a reader.
my-mode-hint-local = The officer prepares it while you are there.

my-ticket = Show the code to enroll with
my-ticket-hint = Have the new device in your hands. The code is shown once; another one makes it void.
my-ticket-title = Enroll your new device
my-ticket-phone = Open the app on the new device and scan this.
my-ticket-card = Put the card into your reader, and give this to the program that personalizes it.
my-ticket-code = The app also asks for this code:
my-cancel = Take it back
my-not-me = This was not me
my-dispute = You said that this was not you. The help desk knows, and will get in touch; you reach it { $desk }. Said on
not-me-what = Somebody else asked for this in your name? Then:
not-me-told = The help desk is told at once, and sees it on the request.
not-me-unchanged = What is suspended stays suspended: that keeps everybody out, also who asked.
not-me-call = Call the help desk as well, if it is urgent. You reach it { $desk }.
not-me-password = If it was done at the portal, somebody knows your password: set another one.
not-me-button = Tell the help desk

disputed-title = The user says: this was not me
disputed = Speak with the user before you do anything else. Said on
disputed-look = Look at the request

act-send-code = Code sent, to sign in with
act-dispute = Disputed: “this was not me”
code-wrong-password = This address and this password do not belong together.
code-wrong-current-password = That is not your password now.
code-wrong-code = That is not the code of the last letter. Look again, or begin again.
code-weak-password = It must have 12 to 128 characters, at least five different ones, and not your name in it.
code-sign-in-required = You are not signed in, or were away for too long. Sign in again.
code-second-step-required = The code is still missing.
code-password-change-required = First set a password of your own.
code-too-many-requests = That was too often. Wait a little.

letters-undelivered = A letter has not arrived
letters-again = It is tried again at
letters-given-up = It was given up: reach the user in another way.
letter-invitation = Invitation
letter-suspended = Report of a device
letter-approval-needed = To the officers: awaits approval
letter-approved = Approved
letter-rejected = Rejected
letter-canceled = Canceled
letter-update-waiting = A device waits for its update
letter-disputed = To the officers: disputed

nav-letters = Letters
nav-recoveries = Key recovery
give-password-title = First password for the portal
give-password-what = It signs in once, within 72 hours, and then the user sets one of their own. The password that they have now, and every session of theirs, end. Make sure that you speak with the right person.
give-password-button = Give a first password
give-password-given = Read this to the user
give-password-once = It is shown only now. Four letters or digits at a time; there is no zero, no one, no l and no o in it.
directory-title = Directory entry
directory-what = What certificates may carry besides the names. Certificates that exist stay as they are.
directory-sid = SID of the Windows account
directory-fasc-n = FASC-N
directory-fasc-n-hint = 50 hexadecimal digits.
directory-policies = Certificate policies
directory-policies-hint = Dotted OIDs, one a line.
directory-button = Keep it
letters-title = Letters
letters-all = all
letters-none = There are none.
letters-state = State
letters-what = What
letters-to = To
letter-state-waiting = waiting
letter-state-delivered = delivered
letter-state-failed = given up
letter-issued = Device issued
letter-ended = Device ended
letter-held = Suspended
letter-released = Resumed
letter-sign-in-code = Code to sign in with
letter-recovered = Keys recovered
status-refused = refused
status-collected = collected
recoveries-title = Key recovery
recoveries-what = Mail that must be read although its reader is gone. An issuance officer asks, a validation officer approves, and the first collects the keys. The user is written to.
recoveries-none = Nobody has asked for any.
recover-title = Recover encryption keys
recover-because = Why?
recover-because-hint = 10 to 500 characters: for the officer who decides, and for the audit log.
recover-recipient = Your certification request
recover-recipient-hint = The keys are encrypted to its key, which stays with you. Make it with
recover-button = Ask for them
recover-asked = Asked
recover-until = Until
recover-keys = Keys
recover-fingerprint = SHA-256 of the key that they are encrypted to
recover-compare = Whoever approves compares this with what the officer who asked says, by another way than this page.
recover-approve = Approve
recover-refuse = Refuse
recover-collect = Collect the keys, once
recover-collected = The keys
recover-collected-hint = They are shown only now; docs/recovery.md says how to open them.
recover-enveloped = The private key, encrypted to you (CMS)
recover-certificate = Its certificate
act-ask-recovery = Key recovery asked for
act-approve-recovery = Key recovery approved
act-refuse-recovery = Key recovery refused
act-collect-recovery = Keys recovered

step-approval-waits = An officer must approve it
my-undo-cancel = You can take it back until an officer has approved it. After that, the help desk can cancel it and restore everything, until the new device is issued.

home-suspended = Suspended for more than a week
health-checkpoint = Last audit checkpoint

status-waits-for-sync = waits for its sync
card-original-back = The original is back
ends-nothing = Nothing ends by this: what was suspended is restored, and what is given out anew takes the place of what was there.
queue-all = All requests
home-ticket = invitation good until
act-request-ticket = Give out the ticket
field-name = Name
field-email = E-mail address
field-upn = UPN
field-serial = Serial number
field-model = Model

my-code-not-permitted = This is not for you to do at the portal. The help desk can.
my-code-certificate-required = Your browser showed no certificate. Choose the one of your device when it asks, or sign in with your password.
my-code-wrong-certificate = The certificate that your browser showed is not that of an active device of yours.
