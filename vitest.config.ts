import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * The slowest files, slowest first: two workers end together when what is long begins first, and a fresh copy has no
 * record of how long each took.
 */
const SLOWEST = [
  'test/cli/clockwork-crash.test.ts',
  'test/e2e/screens.test.ts',
  'test/half-year.test.ts',
  'test/demo.test.ts',
  'test/cli/crash.test.ts',
  'test/e2e/days.test.ts',
  'test/readme.test.ts',
  'test/cure.test.ts',
];

class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = SLOWEST.findIndex((name) => moduleId.endsWith(name));
      return place === -1 ? SLOWEST.length : place;
    };
    // Those that share a process stand together, or each would end it for the next.
    const isShared = ({ project }: TestSpecification) => Number(project.name === 'together');
    const usual = await super.sort(files);
    return usual.sort((a, b) => isShared(a) - isShared(b) || rank(a) - rank(b));
  }
}

/** Files that kill processes, or whose browser and programs should not share memory with a hundred other files. */
const APART = [
  'test/cli/clockwork-crash.test.ts',
  'test/cli/crash.test.ts',
  'test/store/postgres.test.ts',
  'test/readme.test.ts',
  'test/e2e/*.test.ts',
];

const patience = { testTimeout: 60_000, hookTimeout: 60_000, pool: 'forks' } as const;

export default defineConfig({
  test: {
    globalSetup: ['test/setup.ts'],
    // Every file talks to one PostgreSQL; more workers than this only wait for each other.
    maxWorkers: 2,
    sequence: { sequencer: SlowestFirst },
    projects: [
      { test: { ...patience, name: 'apart', include: APART } },
      // To read the program anew took as long as the tests of most files: here a worker reads it once.
      { test: { ...patience, name: 'together', include: ['test/**/*.test.ts'], exclude: APART, isolate: false } },
    ],
  },
});
