import type { FastifyInstance, FastifyReply } from 'fastify';
import { listenForScreens, type ScreenEvent } from '../store/screens.ts';
import type { Api } from './api.ts';

/**
 * `GET /api/v1/events`: server-sent events for open screens, `event: changed`, `data: {"kind":"feeds"}`. They only say
 * that it is worth asking again. Whoever comes back with `Last-Event-ID` may have missed something and is told so.
 */

/** Proxies close what is silent for a minute. */
const HEARTBEAT_MS = 25_000;
/** Screens of one person; more are tabs nobody looks at. */
const PER_PERSON = 20;
/** What is told at most once in so long, however much is going on. */
const GATHER_MS = 300;

interface Listener {
  readonly agencyId: number;
  readonly employeeId: number;
  readonly reply: FastifyReply;
  readonly waiting: Set<string>;
  timer: NodeJS.Timeout | undefined;
}

export function eventRoutes(app: FastifyInstance, api: Api): void {
  const listeners = new Set<Listener>();
  let ear: ReturnType<typeof listenForScreens> | undefined;
  let serial = 0;

  const write = ({ reply }: Listener, event: string, data: unknown) =>
    reply.raw.write(`id: ${++serial}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  const tell = (listener: Listener, kind: string) => {
    listener.waiting.add(kind);
    listener.timer ??= setTimeout(() => {
      listener.timer = undefined;
      for (const waiting of listener.waiting) write(listener, 'changed', { kind: waiting });
      listener.waiting.clear();
    }, GATHER_MS);
  };
  const onEvent = ({ agencyId, kind }: ScreenEvent) => {
    for (const listener of listeners) if (listener.agencyId === agencyId) tell(listener, kind);
  };
  const onGap = () => {
    for (const listener of listeners) tell(listener, 'all');
  };
  const heartbeat = setInterval(() => {
    for (const { reply } of listeners) reply.raw.write(': still here\n\n');
  }, HEARTBEAT_MS);
  heartbeat.unref();

  api.define({
    method: 'GET',
    url: '/events',
    summary: 'Что изменилось: поток событий для открытых экранов',
    policy: { deed: 'signed-in', token: 'listings:read' },
    handler: ({ caller, db, request }, reply) => {
      ear ??= listenForScreens(db, onEvent, onGap);
      const own = [...listeners].filter(({ employeeId }) => employeeId === caller.employeeId);
      if (own.length >= PER_PERSON) own[0]!.reply.raw.end();
      reply.hijack();
      reply.raw.writeHead(200, {
        'Content-Type': 'text/event-stream; charset=utf-8',
        'Cache-Control': 'no-store',
        'X-Accel-Buffering': 'no',
        Connection: 'keep-alive',
      });
      const listener: Listener = {
        agencyId: caller.agencyId,
        employeeId: caller.employeeId,
        reply,
        waiting: new Set(),
        timer: undefined,
      };
      listeners.add(listener);
      reply.raw.on('close', () => {
        clearTimeout(listener.timer);
        listeners.delete(listener);
      });
      reply.raw.write('retry: 3000\n\n');
      if (request.headers['last-event-id'] !== undefined) tell(listener, 'all');
      // The socket's idle limit is for feeds; the heartbeat keeps this one.
      return reply;
    },
  });

  app.addHook('preClose', async () => {
    clearInterval(heartbeat);
    for (const { reply } of listeners) reply.raw.end();
    await ear?.stop();
  });
}
