import { Alert, Autocomplete, Button, Checkbox, FileInput, Group, Progress, Select, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconCircleX, IconClock, IconFlask, IconUpload } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { ImportRuns, ImportSource, Imports, Rejections, Upload } from '../../contracts/imports.ts';
import { api } from '../api.ts';
import { Chip } from '../parts/chip.tsx';
import { askReason } from '../parts/confirm.tsx';
import { Page, Sheet } from '../parts/page.tsx';
import { ProblemAlert, showDone } from '../parts/problem.tsx';
import { Empty, Loaded } from '../parts/states.tsx';
import { refresh, useApi } from '../query.ts';
import { counted, formatNumber, momentNear, momentShort, objects } from '../words.ts';
import classes from './feeds/feeds.module.css';
import { sizeWords } from './feeds/parts.tsx';

/** How often a load under way is asked for where no event comes. */
const LOOK_MS = 2000;

/** Fields of one row stand in line, whatever is said below them. */
const ORDER: ('label' | 'input' | 'description' | 'error')[] = ['label', 'input', 'description', 'error'];

const isUnderWay = ({ state }: Upload) => state === 'queued' || state === 'running';

/** «Загрузки»: where listings come from, what came of it, and a file of one's own. */
export default function ImportsScreen() {
  const imports = useApi<Imports>('/imports', undefined, {
    refetchInterval: (query) => (query.state.data?.uploads.some(isUnderWay) ? LOOK_MS : false),
  });
  return (
    <Page title="Загрузки" words="Откуда берутся объекты и что вышло из каждой загрузки.">
      <Loaded query={imports}>
        {(told) => (
          <>
            <NewUpload told={told} />
            {told.uploads.length > 0 && (
              <Sheet title="Загружено здесь">
                <Stack gap="md">
                  {told.uploads.map((upload) => (
                    <UploadLine key={upload.id} upload={upload} />
                  ))}
                </Stack>
              </Sheet>
            )}
            <Sheet title="Источники">
              {told.sources.length === 0 ? (
                <Empty title="Источников пока нет" words="Загрузите первый файл: он станет источником." />
              ) : (
                <Stack gap="md">
                  {told.sources.map((source) => (
                    <SourceLine key={source.id} source={source} />
                  ))}
                </Stack>
              )}
            </Sheet>
          </>
        )}
      </Loaded>
    </Page>
  );
}

/** A file of tens of megabytes is a tenth of it packed; what is packed already goes as it is. */
async function packed(file: File): Promise<Blob> {
  const isPacked = /\.gz$/i.test(file.name);
  const bytes = isPacked
    ? await file.arrayBuffer()
    : await new Response(file.stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer();
  return new Blob([bytes], { type: 'application/gzip' });
}

function NewUpload({ told: { sources, branches, isWhole, bytesMax } }: { told: Imports }) {
  const [file, setFile] = useState<File | null>(null);
  const [source, setSource] = useState(sources.length === 1 ? sources[0]!.name : '');
  const [branch, setBranch] = useState<string | null>(isWhole ? null : String(branches[0]?.id ?? ''));
  const [isRehearsal, setIsRehearsal] = useState(false);
  const known = sources.find(({ name }) => name === source.trim());
  const upload = useMutation({
    mutationFn: async (of: File) =>
      api.send<Upload>('POST', '/imports', await packed(of), {
        query: {
          source: source.trim(),
          file: of.name.slice(-200),
          ...(!known && branch && { branch }),
          ...(isRehearsal && { rehearse: true }),
        },
      }),
    meta: { isTold: true },
    onSuccess: async () => {
      setFile(null);
      showDone('Файл принят. Загрузка идёт; страницу можно закрыть.');
      await refresh('/imports');
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (file && source.trim() !== '') upload.mutate(file);
  };
  return (
    <Sheet title="Загрузить файл">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Group align="flex-start" gap="sm">
            <FileInput
              inputWrapperOrder={ORDER}
              styles={{ placeholder: { color: 'var(--mantine-color-dimmed)' } }}
              label="Файл"
              description={`Фид Авито, Циана или Яндекса, XML или .gz, до ${sizeWords(bytesMax)} в сжатом виде`}
              placeholder="Выберите файл"
              accept=".xml,.gz,application/xml,text/xml,application/gzip"
              value={file}
              onChange={(next) => {
                setFile(next);
                if (next && source === '') setSource(next.name.replace(/\.(xml|gz)$/gi, ''));
              }}
              clearable
              clearButtonProps={{ 'aria-label': 'Убрать файл' }}
              style={{ flex: '1 1 280px' }}
            />
            <Autocomplete
              inputWrapperOrder={ORDER}
              label="Источник"
              description={known ? 'Объекты этого источника обновятся' : 'Новый: по имени его узнают в другой раз'}
              placeholder="crm"
              data={sources.map(({ name }) => name)}
              value={source}
              onChange={setSource}
              maxLength={200}
              required
              style={{ flex: '1 1 240px' }}
            />
            {!known && branches.length > 0 && (
              <Select
                label="Филиал новых объектов"
                placeholder={isWhole ? 'всё агентство' : 'выберите'}
                data={branches.map(({ id, name }) => ({ value: String(id), label: name }))}
                value={branch}
                onChange={setBranch}
                clearable={isWhole}
                clearButtonProps={{ 'aria-label': 'Очистить: филиал' }}
                style={{ flex: '1 1 200px' }}
              />
            )}
          </Group>
          <Group gap="md">
            <Button
              type="submit"
              leftSection={<IconUpload size={16} aria-hidden />}
              loading={upload.isPending}
              disabled={!file || source.trim() === ''}
            >
              {isRehearsal ? 'Попробовать' : 'Загрузить'}
            </Button>
            <Checkbox
              label="Только проба: показать, что изменится, и ничего не менять"
              checked={isRehearsal}
              onChange={(event) => setIsRehearsal(event.currentTarget.checked)}
            />
          </Group>
          <ProblemAlert error={upload.error} />
        </Stack>
      </form>
    </Sheet>
  );
}

const LOOKS = {
  queued: { tone: 'waiting', icon: IconClock },
  running: { tone: 'waiting', icon: IconUpload },
  succeeded: { tone: 'ok', icon: IconCheck },
  waiting: { tone: 'money', icon: IconAlertTriangle },
  failed: { tone: 'error', icon: IconCircleX },
} as const;

function UploadLine({ upload }: { upload: Upload }) {
  const { state, label, fileName, source, branch, bytes, by, createdAt, read, counts, problem, isRehearsal } = upload;
  const looks = LOOKS[state];
  const isProbe = isRehearsal && state === 'succeeded';
  return (
    <div className={classes.feed}>
      <div className={classes.head}>
        <div>
          <Text size="sm" fw={500}>
            {fileName} → {source}
            {branch && `, филиал ${branch}`}
          </Text>
          <Text size="xs" c="dimmed">
            {momentNear(createdAt)} · {by} · {sizeWords(bytes)}
          </Text>
        </div>
        <Chip tone={isProbe ? 'neutral' : looks.tone} icon={isProbe ? IconFlask : looks.icon} words={label} />
      </div>
      {state === 'running' && (
        <div>
          <Progress value={100} animated aria-label={`Загружается ${fileName}`} size="sm" />
          <Text size="sm" aria-live="polite">
            Прочитано {counted(read, 'объявление', 'объявления', 'объявлений')}
          </Text>
        </div>
      )}
      <Counts counts={counts} />
      {problem && (
        <Alert color="error" variant="light" icon={<IconCircleX size={18} />} title="Ничего не изменено">
          <Text size="sm">{problem.detail}</Text>
        </Alert>
      )}
      {upload.loss && state === 'waiting' && <Loss upload={upload} loss={upload.loss} />}
      {upload.loss && isProbe && (
        <Text size="sm" c="var(--tone-money)">
          В файле нет {objects(upload.loss.gone)} из {formatNumber(upload.loss.before)}: настоящая загрузка будет ждать
          подтверждения.
        </Text>
      )}
      {upload.rejected.length > 0 && (
        <details>
          <summary>Не загружены: {counted(upload.rejected.length, 'объявление', 'объявления', 'объявлений')}</summary>
          <RejectedList rows={upload.rejected} />
        </details>
      )}
      {upload.notUnderstood.length > 0 && (
        <details>
          <summary>Не понято: {counted(upload.notUnderstood.length, 'элемент', 'элемента', 'элементов')}</summary>
          <ul>
            {upload.notUnderstood.map(({ path, value, count }) => (
              <li key={`${path} ${value}`}>
                <Text size="sm">
                  {path}
                  {value !== null && ` = «${value}»`}: {formatNumber(count)}
                </Text>
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function Counts({ counts }: { counts: Upload['counts'] }) {
  const told = counts.filter(({ name, count }) => count > 0 || name === 'read');
  if (told.length === 0) return null;
  return (
    <ul className={classes.counts}>
      {told.map(({ name, label, count }) => (
        <li key={name}>
          <Text size="sm">
            {label} {formatNumber(count)}
          </Text>
        </li>
      ))}
    </ul>
  );
}

/** The file has lost too much of its source: a person decides. */
function Loss({ upload, loss }: { upload: Upload; loss: NonNullable<Upload['loss']> }) {
  const confirm = useMutation({
    mutationFn: () => api.send('POST', `/imports/${upload.id}/confirm`),
    onSuccess: () => refresh('/imports'),
  });
  const ask = async () => {
    const isSure = await askReason({
      title: `Загрузить и снять ${objects(loss.gone)}?`,
      words: `В файле «${upload.fileName}» нет ${formatNumber(loss.gone)} объектов из ${formatNumber(loss.before)}. Они уйдут из фидов досок; если это ошибка CRM, дождитесь полного файла.`,
      action: 'Загрузить с потерей',
      isDanger: true,
    });
    if (isSure !== null) confirm.mutate();
  };
  return (
    <Alert color="money" variant="light" icon={<IconAlertTriangle size={18} />} title="Ждёт подтверждения">
      <Text size="sm">
        В файле нет {objects(loss.gone)} из {formatNumber(loss.before)}, это больше пятой части источника. Ничего не
        изменено. Если объекты правда сняты, подтвердите; если CRM отдала не всё, загрузите полный файл.
      </Text>
      <Group gap="xs" mt="xs">
        <Button size="compact-sm" color="error" loading={confirm.isPending} onClick={() => void ask()}>
          Всё верно, загрузить…
        </Button>
      </Group>
    </Alert>
  );
}

function RejectedList({ rows }: { rows: readonly { line: number; externalId: string | null; reasons: string[] }[] }) {
  return (
    <ul>
      {rows.map(({ line, externalId, reasons }) => (
        <li key={`${line} ${externalId}`}>
          <Text size="sm">
            строка {formatNumber(line)}, № {externalId ?? 'не указан'}: {reasons.join(' ')}
          </Text>
        </li>
      ))}
    </ul>
  );
}

function SourceLine({ source }: { source: ImportSource }) {
  const { name, branch, listings, gone, rejected, lastRun } = source;
  const [isOpen, setIsOpen] = useState(false);
  return (
    <div className={classes.feed}>
      <div className={classes.head}>
        <div>
          <Text size="sm" fw={500}>
            {name}
            {branch && (
              <Text span size="sm" c="dimmed">
                {' '}
                · филиал {branch.name}
              </Text>
            )}
          </Text>
          <Text size="sm">
            {objects(listings)}
            {gone > 0 && `, пропало ${formatNumber(gone)}`}
            {lastRun && ` · ${lastRun.label} ${momentNear(lastRun.startedAt)}`}
          </Text>
        </div>
        <Button
          size="compact-sm"
          variant="default"
          aria-expanded={isOpen}
          aria-label={`${isOpen ? 'Свернуть' : 'Загрузки'}: источник ${name}`}
          onClick={() => setIsOpen(!isOpen)}
        >
          {isOpen ? 'Свернуть' : 'Загрузки'}
        </Button>
      </div>
      {lastRun?.status === 'waiting-for-confirmation' && (
        <Text size="sm" c="var(--tone-money)">
          Последний файл потерял больше пятой части объектов и не загружен: загрузите его здесь или командой import с
          --confirm-loss.
        </Text>
      )}
      {rejected > 0 && (
        <Text size="sm" c="var(--tone-error)">
          Из последнего файла не загружены {counted(rejected, 'объявление', 'объявления', 'объявлений')}
        </Text>
      )}
      {isOpen && <SourceDetail source={source} />}
    </div>
  );
}

function SourceDetail({ source }: { source: ImportSource }) {
  const runs = useApi<ImportRuns>(`/imports/sources/${source.id}/runs`, { limit: 20 });
  const rejections = useApi<Rejections>(
    `/imports/sources/${source.id}/rejections`,
    { limit: 200 },
    { enabled: source.rejected > 0 },
  );
  return (
    <>
      {source.rejected > 0 && (
        <Loaded query={rejections}>
          {({ data, page }) => (
            <>
              <RejectedList rows={data} />
              {page.next !== null && (
                <Text size="sm" c="dimmed">
                  Показаны первые {formatNumber(data.length)} из {formatNumber(page.total ?? data.length)}.
                </Text>
              )}
            </>
          )}
        </Loaded>
      )}
      <Loaded query={runs}>
        {({ data }) => (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys
          <section className={classes.wrap} tabIndex={0} aria-label={`Загрузки источника ${source.name}`}>
            <table className={classes.table}>
              <thead>
                <tr>
                  <th scope="col">Когда</th>
                  <th scope="col">Чем кончилась</th>
                  <th scope="col">Что изменилось</th>
                </tr>
              </thead>
              <tbody>
                {data.map((run) => (
                  <tr key={run.id}>
                    <td>{momentShort(run.startedAt)}</td>
                    <td>{run.label}</td>
                    <td>
                      <Counts counts={run.counts} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        )}
      </Loaded>
    </>
  );
}
