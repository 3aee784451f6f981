/**
 * A real Chromium that comes as a package, so that nothing has to be installed to play a day in it: the browser, the
 * libraries it needs and its fonts are unpacked once and kept beside the packages.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright-core';

const ROOT = join(import.meta.dirname, '..', '..');
const PACKAGE = '@sparticuz/chromium';
const CACHE = join(ROOT, 'node_modules', '.cache');

/** The package is for this system only; elsewhere CHROMIUM names a browser of one's own. */
export const hasBrowser = Boolean(process.env.CHROMIUM) || (process.platform === 'linux' && process.arch === 'x64');

/** Starts a browser; close it when done. */
export async function openBrowser(): Promise<Browser> {
  const own = process.env.CHROMIUM;
  const folder = own ? undefined : await unpacked();
  return chromium.launch({
    executablePath: folder === undefined ? own! : join(folder, 'chromium'),
    // Not the package's own arguments: they switch off what keeps pages of different hosts apart.
    args: ['--font-render-hinting=none', '--disable-gpu', '--disable-dev-shm-usage'],
    // Only our own pages are opened here, and in containers there is nothing to build a sandbox of.
    chromiumSandbox: false,
    ...(folder !== undefined && {
      env: {
        ...(process.env as Record<string, string>),
        LD_LIBRARY_PATH: join(folder, 'al2023', 'lib'),
        // Signs that our own font has not are drawn with the machine's fonts, where there are any.
        ...(!existsSync('/etc/fonts/fonts.conf') && { FONTCONFIG_FILE: join(folder, 'fonts.conf') }),
      },
    }),
  });
}

/** Where the browser lies; two who unpack it at once do no harm. */
async function unpacked(): Promise<string> {
  const { version } = JSON.parse(await readFile(join(ROOT, 'node_modules', PACKAGE, 'package.json'), 'utf8')) as {
    version: string;
  };
  const folder = join(CACHE, `chromium-${version}`);
  if (existsSync(folder)) return folder;
  await mkdir(CACHE, { recursive: true });
  const draft = await mkdtemp(join(CACHE, 'chromium-draft-'));
  try {
    // The package unpacks into the folder for temporary files, and its libraries where it believes to be with Amazon.
    await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '-e', `await (await import('${PACKAGE}')).default.executablePath()`],
      { cwd: ROOT, env: { ...process.env, TMPDIR: draft, AWS_LAMBDA_JS_RUNTIME: 'nodejs20.x' } },
    );
    await writeFile(
      join(draft, 'fonts.conf'),
      `<?xml version="1.0"?><fontconfig><dir>${join(folder, 'fonts')}</dir><cachedir>${join(folder, 'font-cache')}</cachedir></fontconfig>\n`,
    );
    await rename(draft, folder);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}
