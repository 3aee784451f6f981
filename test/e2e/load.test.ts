import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SIGN_INS } from '../../fixtures/agency.ts';
import { hasBrowser } from './browser.ts';
import { Counter, type Login, OPENING_MS } from './counter.ts';

/** What a person waits for the first time: the scripts of sign-in and of the first screen of the day. */

/** Of gzip JavaScript; measured are 211 (administrator) to 247 (specialist). */
const LIMIT_BYTES = 250_000;

describe.skipIf(!hasBrowser)('the first load', () => {
  let counter: Counter;
  beforeAll(async () => {
    counter = await Counter.open();
  }, OPENING_MS);
  afterEach(({ task }) => counter.leave(task.name));
  afterAll(() => counter?.close());

  it.each(SIGN_INS)('of $login ($told) is light', async ({ login }) => {
    const visit = await counter.visit();
    const scripts = new Map<string, Promise<number>>();
    visit.page.on('response', (response) => {
      const { pathname } = new URL(response.url());
      if (response.request().resourceType() === 'script')
        scripts.set(
          pathname,
          response.body().then((body) => gzipSync(body).length),
        );
    });
    await visit.signIn(login as Login);
    expect(new URL(visit.page.url()).pathname).not.toBe('/sign-in');
    const sizes = await Promise.all(scripts.values());
    expect(sizes.length).toBeGreaterThan(1);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(LIMIT_BYTES);
  });
});
