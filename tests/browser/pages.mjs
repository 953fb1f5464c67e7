// Every page: where it is, or how one gets there.

import { OWN } from './house.mjs';

/** Fills a form in, and presses its button. */
async function send(page, url, fields) {
  await page.goto(url);
  for (const [field, text] of Object.entries(fields)) await page.locator(field).fill(text);
  await page.locator('main form button').last().click();
}

/** The pages of the desk, for somebody who may do everything. */
export function deskPages({ house, town, users, devices, credential, requests, recoveries }) {
  const wrong = (path, fields) => async (page) => {
    await send(page, house.desk + path, fields);
    await page.getByRole('alert').waitFor();
  };
  const pressed = (path) => async (page) => {
    await page.goto(house.desk + path);
    await page.locator('main form button.primary').click();
    await page.locator('.invitation').waitFor();
  };
  const collected = async (page) => {
    const recovery = await town.recovery('eve', users.julia);
    await town.as('vera')(`/api/recoveries/${recovery}/approve`, {});
    await pressed(`/recoveries/${recovery}`)(page);
  };
  const { julia, hard } = users;
  const { shared, suspended } = devices;
  return {
    'overview': '/',
    'search, empty': '/users',
    'search, several found': '/users?q=example',
    'search, nobody found': '/users?q=nobody',
    'new user': '/users/new',
    'new user, wrong': wrong('/users/new', { '#name': 'Otto', '#email': 'otto@example.org', '#upn': 'otto' }),
    'user, shared': `/users/${julia}`,
    'user, update and ended': `/users/${users.ana}`,
    'user, held': `/users/${users.bruno}`,
    'user, stand-in': `/users/${users.farid}`,
    'user, suspended': `/users/${users.emma}`,
    'user, hard names': `/users/${hard}`,
    'first password': `/users/${hard}/password`,
    'first password, given': pressed(`/users/${users.rosa}/password`),
    'directory': `/users/${hard}/directory`,
    'directory, wrong': wrong(`/users/${hard}/directory`, { '#sid': 'S-1-5', '#policies': '2.16.840' }),
    'issue, kind': `/users/${julia}/issue`,
    'issue, mode': `/users/${julia}/issue?kind=smart-card`,
    'issue, check': `/users/${julia}/issue?kind=smart-card&mode=local`,
    'replace, why': `/devices/${shared}/replace`,
    'replace, how': `/devices/${shared}/replace?reason=lost`,
    'replace, check': `/devices/${shared}/replace?reason=lost&mode=remote`,
    'suspend': `/devices/${shared}/suspend`,
    'resume': `/devices/${suspended}/resume`,
    'terminate, why': `/devices/${shared}/terminate`,
    'terminate, check': `/devices/${shared}/terminate?reason=stolen`,
    'suspend a credential': `/credentials/${credential}/suspend`,
    'requests': '/requests',
    'request, invited': `/requests/${requests.stolen}`,
    'request, waiting': `/requests/${requests.waiting}`,
    'request, issued': `/requests/${requests.replaced}`,
    'request, rejected': `/requests/${requests.rejected}`,
    'request, bound': `/requests/${requests.bound}`,
    'request, disputed': `/requests/${requests.disputed}`,
    'approve': `/requests/${requests.waiting}/approve`,
    'reject': `/requests/${requests.waiting}/reject`,
    'bind, which': `/requests/${requests.unbound}/bind`,
    'unbind': `/requests/${requests.bound}/unbind`,
    'invite': `/requests/${requests.stolen}/invite`,
    'cancel': `/requests/${requests.stolen}/cancel`,
    'invitation': pressed(`/requests/${requests.stolen}/invite`),
    'ticket': pressed(`/requests/${requests.bound}/invite`),
    'stock': '/stock',
    'stock, wrong': wrong('/stock', { '#serial': '0A31-7701' }),
    'stock, list': '/stock/import',
    'stock, list wrong': wrong('/stock/import', { '#list': 'kind,serial\nsmart-card,0A31-7701' }),
    'letters': '/letters',
    'letters, none': '/letters?state=failed',
    'key recoveries': '/recoveries',
    'recover keys': `/users/${julia}/recover`,
    'recover keys, wrong': wrong(`/users/${julia}/recover`, { '#because': 'A reason.', '#recipient': 'no request' }),
    'recovery, asked': `/recoveries/${recoveries.asked}`,
    'recovery, approved': `/recoveries/${recoveries.approved}`,
    'recovery, refused': `/recoveries/${recoveries.refused}`,
    'recovery, collected': `/recoveries/${recoveries.collected}`,
    'recovery, the keys': collected,
    'audit log': '/audit?act=submit',
    'audit log, verified': '/audit/verify',
    'refused': `/devices/${suspended}/suspend`,
    'nothing there': '/nowhere',
  };
}

/** The pages of the portal: for whom, which device the browser shows, and where. */
export function portalPages({ house, town, users, devices, requests }) {
  const wrong = (path, fields) => async (page) => {
    await send(page, house.portal + path, fields);
    await page.getByRole('alert').waitFor();
  };
  const wrongCode = async (page) => {
    await send(page, `${house.portal}/sign-in`, { '#login': town.emails.get(users.emma), '#password': OWN });
    await page.locator('#code').fill('no code');
    await page.locator('main form button').click();
    await page.getByRole('alert').waitFor();
  };
  const ticket = async (page) => {
    await page.goto(`${house.portal}/requests/${requests.approved}`);
    await page.locator('main form button.primary').click();
    await page.locator('.invitation').waitFor();
  };
  const signedOut = async (page) => {
    await page.goto(house.portal);
    await page.locator('header form button').click();
    await page.waitForURL('**/sign-out');
  };
  const [eva, otto] = [users.eva, users.otto].map((user) => town.emails.get(user));
  let begun;
  const newcomer = () => (begun ??= house.firstPassword(eva).then((given) => house.enter(eva, given)));
  const leaver = () => house.enter(otto, OWN);
  const { julia, ana, bruno, carla, henk, david, farid, nina, pia, hard } = users;
  const report = `/devices/${devices.shared}/report`;
  return {
    'sign in': { at: '/sign-in' },
    'sign in, wrong': { at: wrong('/sign-in', { '#login': 'nobody@example.org', '#password': 'a guess' }) },
    'code': { at: '/sign-in/code' },
    'code, wrong': { at: wrongCode },
    'first password': { by: newcomer, at: '/password' },
    'first password, weak': { by: newcomer, at: wrong('/password', { '#new': 'short' }) },
    'password': { by: julia, at: '/password' },
    'password, wrong': { by: julia, at: wrong('/password', { '#current': 'a guess', '#new': `${OWN} again` }) },
    'devices': { by: julia, at: '/' },
    'devices, update and ended': { by: ana, at: '/' },
    'devices, held': { by: carla, at: '/' },
    'devices, stand-in': { by: farid, at: '/' },
    'devices, to be enrolled': { by: nina, at: '/' },
    'devices, none': { by: david, at: '/' },
    'devices, hard names': { by: hard, at: '/' },
    'report': { by: julia, at: report },
    'report, check': { by: julia, at: `${report}?reason=stolen&mode=self-enrollment` },
    'report, check of a stand-in': { by: julia, at: `${report}?reason=forgotten&mode=local` },
    'request, waiting': { by: carla, at: `/requests/${requests.waiting}` },
    'request, approved': { by: nina, at: `/requests/${requests.approved}` },
    'request, ticket': { by: nina, at: ticket },
    'request, invited': { by: bruno, at: `/requests/${requests.stolen}` },
    'request, issued': { by: ana, at: `/requests/${requests.replaced}` },
    'request, rejected': { by: henk, at: `/requests/${requests.rejected}` },
    'request, taken back': { by: users.otto, at: `/requests/${requests.canceled}` },
    'request, disputed': { by: pia, at: `/requests/${requests.disputed}` },
    'take back': { by: carla, at: `/requests/${requests.waiting}/cancel` },
    'not me': { by: carla, at: `/requests/${requests.waiting}/not-me` },
    'history': { by: carla, at: '/history' },
    'refused': { by: carla, at: `/requests/${requests.stolen}` },
    'nothing there': { by: carla, at: '/nowhere' },
    'signed out': { by: leaver, at: signedOut },
    'sign in, by device': { shows: devices.shared, at: '/sign-in' },
  };
}
