import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildApp } from '../../src/server/app.ts';
import { testDatabase } from '../store/testdb.ts';

let base: Awaited<ReturnType<typeof testDatabase>>;
let app: FastifyInstance;
beforeAll(async () => {
  base = await testDatabase();
  app = buildApp({ db: base.db, dataDir: '/nowhere', secret: 'x', clock: () => new Date(), logLevel: 'silent' });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await base.drop();
});

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly responses: Record<string, unknown>;
}

describe('the description of the API', () => {
  it('tells of every route of the registry, in Russian, with who may', async () => {
    const document = (await app.inject({ url: '/api/openapi.json' })).json<{
      openapi: string;
      paths: Record<string, Record<string, Operation>>;
    }>();
    expect(document.openapi).toMatch(/^3\.1/);
    const told = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map(
        (method) => `${method.toUpperCase()} ${path.replace('/api/v1', '').replace(/\{(\w+)\}/g, ':$1')}`,
      ),
    );
    expect(told.sort()).toEqual(
      app
        .registry()
        .map(({ method, url }) => `${method} ${url}`)
        .sort(),
    );
    for (const methods of Object.values(document.paths))
      for (const operation of Object.values(methods)) {
        expect(operation.summary).toMatch(/[а-яё]/);
        expect(operation.description).toMatch(/^(Доступно|Право)/);
        expect(operation.responses).toHaveProperty('default');
      }
  });

  it('has a page that needs nobody else’s host', async () => {
    const page = await app.inject({ url: '/api/docs/' });
    expect(page.statusCode).toBe(200);
    expect(page.body).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    expect(page.body).not.toMatch(/<script>/);
  });
});
