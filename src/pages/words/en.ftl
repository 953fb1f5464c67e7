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
find-hint = Any part of a name, e-mail address, UPN or device serial; or the serial of a certificate.
find-button = Find
find-none = Nobody was found for “{ $asked }”.
find-some = { $count ->
    [one] { $count } user
   *[other] { $count } users
}
find-many = The first { $count } users: ask more precisely

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
step-suspended = The lost device is invalid, and what it carried suspended
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
queue-who = User
queue-what = Request
queue-since = Since
queue-next = Next
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
log-user-id = User id
log-request-id = Request id
log-act = Act
log-from = From
log-to = To
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
verify-clean = Nothing is wrong: every entry is as it was written, and none is missing.
verify-faults = { $count ->
    [one] { $count } fault
   *[other] { $count } faults
}
verify-counts = { $entries } entries in { $chains } chains, { $checkpoints } checkpoints.
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
