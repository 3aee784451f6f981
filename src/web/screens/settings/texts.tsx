import {
  Alert,
  Button,
  Code,
  Group,
  List,
  Modal,
  NumberInput,
  Select,
  Stack,
  Switch,
  Table,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { TextTrial, TextWords } from '../../../contracts/marking.ts';
import type { FormField, FormSetting, SettingsAnswer, SettingsWishBody } from '../../../contracts/settings.ts';
import { type Answer, api } from '../../api.ts';
import { Page, Sheet } from '../../parts/page.tsx';
import { ProblemAlert, showDone } from '../../parts/problem.tsx';
import { Loaded } from '../../parts/states.tsx';
import { refresh, useApi, useApiWithTag } from '../../query.ts';
import { counted, listed } from '../../words.ts';
import classes from './settings.module.css';

/** Descriptions by templates, and fields by formulas. */
export default function Texts() {
  const query = useApiWithTag<SettingsAnswer>('/settings');
  return (
    <Page
      title="Автотекст"
      back={{ to: '/settings', words: 'К настройкам' }}
      words="Описание пишется один раз, когда объект пришёл без него. Новый шаблон написанного не меняет."
    >
      <Loaded query={query}>{(answer) => <Parts answer={answer} />}</Loaded>
    </Page>
  );
}

interface Template {
  readonly name: string;
  readonly kind?: string;
  readonly deal?: string;
  readonly commercialType?: string;
  readonly text: string;
}
interface Formula {
  readonly name: string;
  readonly label: string;
  readonly formula: string;
}

function Parts({ answer: { data, etag } }: { answer: Answer<SettingsAnswer> }) {
  const fields = data.sections.find(({ id }) => id === 'texts')!.fields;
  const at = (name: string) => fields.find(({ path }) => path === `texts.${name}`)!;
  const templates = at('templates');
  const formulas = at('formulas');
  const [editing, setEditing] = useState<{ readonly index: number | null } | null>(null);
  const save = useMutation({
    meta: { isTold: true },
    // Templates are the ad specialist's, the rest is the administrator's, and so are the doors.
    mutationFn: ({ set = {} }: SettingsWishBody) => {
      const isText = Object.keys(set).every((path) => path === templates.path || path === formulas.path);
      return api.send('PATCH', isText ? '/settings/texts' : '/settings', { set }, { ifMatch: etag });
    },
    onSuccess: async () => {
      showDone('Сохранено');
      await refresh('/settings');
    },
  });
  const put = (path: string, value: unknown) => save.mutateAsync({ set: { [path]: value } });
  const may = data.may.templates;
  const all = templates.value as readonly Template[];
  return (
    <>
      <ProblemAlert error={save.error} onRetry={() => void refresh('/settings').then(() => save.reset())} />
      <Sheet>
        <Plain fills={at('fillsEmpty')} commission={at('commissionPercent')} may={data.may.settings} onSave={put} />
      </Sheet>
      <Sheet
        title={templates.label}
        aside={
          may && (
            <Button size="compact-sm" leftSection={<IconPlus size={14} />} onClick={() => setEditing({ index: null })}>
              Шаблон
            </Button>
          )
        }
      >
        {all.length === 0 ? (
          <Text size="sm" c="dimmed">
            Своих шаблонов нет: описания пишутся по встроенным.
          </Text>
        ) : (
          <ul className={classes.links}>
            {all.map((template, index) => (
              <li key={template.name} className={classes.row}>
                <div className={classes.words}>
                  <Text size="sm" fw={600}>
                    {template.name}{' '}
                    <Text component="span" size="sm" fw={400} c="dimmed">
                      {scopeOf(template, templates)}
                    </Text>
                  </Text>
                  <Text size="sm" lineClamp={2}>
                    {template.text}
                  </Text>
                </div>
                {may && (
                  <Group gap="sm">
                    <Button
                      size="compact-sm"
                      variant="default"
                      aria-label={`Изменить: ${template.name}`}
                      onClick={() => setEditing({ index })}
                    >
                      Изменить
                    </Button>
                    <Button
                      size="compact-sm"
                      variant="subtle"
                      color="error"
                      aria-label={`Убрать: ${template.name}`}
                      onClick={() =>
                        void put(
                          templates.path,
                          all.filter((_, other) => other !== index),
                        ).catch(() => {})
                      }
                    >
                      Убрать
                    </Button>
                  </Group>
                )}
              </li>
            ))}
          </ul>
        )}
      </Sheet>
      <Formulas setting={formulas} may={may} onSave={put} />
      <Modal
        opened={editing !== null}
        onClose={() => setEditing(null)}
        title={editing?.index === null ? 'Новый шаблон' : 'Шаблон'}
        size="xl"
      >
        {editing && (
          <TemplateEditor
            setting={templates}
            index={editing.index}
            onSave={async (next) => {
              await put(templates.path, next);
              setEditing(null);
            }}
            onCancel={() => setEditing(null)}
            error={save.error}
            isSaving={save.isPending}
          />
        )}
      </Modal>
    </>
  );
}

interface PlainProps {
  readonly fills: FormSetting;
  readonly commission: FormSetting;
  readonly may: boolean;
  readonly onSave: (path: string, value: unknown) => Promise<unknown>;
}

function Plain({ fills, commission, may, onSave }: PlainProps) {
  const [percent, setPercent] = useState(commission.value as number);
  return (
    <Stack gap="md" maw={560}>
      <Switch
        label={fills.label}
        description={fills.about}
        disabled={!may}
        checked={fills.value === true}
        onChange={(event) => void onSave(fills.path, event.currentTarget.checked).catch(() => {})}
      />
      <Group align="flex-end">
        <NumberInput
          label={commission.label}
          description={commission.about}
          suffix={'\u00a0%'}
          decimalSeparator=","
          min={0}
          max={100}
          disabled={!may}
          value={percent}
          onChange={(next) => typeof next === 'number' && setPercent(next)}
          style={{ flex: 1 }}
        />
        {percent !== commission.value && (
          <Button variant="default" onClick={() => void onSave(commission.path, percent).catch(() => {})}>
            Сохранить
          </Button>
        )}
      </Group>
    </Stack>
  );
}

const part = (setting: FormField, name: string) => setting.parts.find(({ path }) => path.endsWith(`.${name}`))!;

/** «квартира, продажа»; «все объекты». */
function scopeOf(template: Template, setting: FormField): string {
  const words = (['commercialType', 'kind', 'deal'] as const).flatMap(
    (name) => part(setting, name).choices?.find(({ value }) => value === template[name])?.label ?? [],
  );
  return words.length === 0 ? 'все объекты' : words.join(', ');
}

interface TemplateEditorProps {
  readonly setting: FormSetting;
  /** null: a new one. */
  readonly index: number | null;
  readonly onSave: (templates: readonly Template[]) => Promise<void>;
  readonly onCancel: () => void;
  readonly error: unknown;
  readonly isSaving: boolean;
}

function TemplateEditor({ setting, index, onSave, onCancel, error, isSaving }: TemplateEditorProps) {
  const all = setting.value as readonly Template[];
  const [template, setTemplate] = useState<Template>(index === null ? { name: '', text: '' } : all[index]!);
  const words = useApi<TextWords>('/settings/texts/words');
  const [text] = useDebouncedValue(template.text, 400);
  const trial = useTrial({ template: text }, text !== '');
  const choose = (name: 'kind' | 'deal' | 'commercialType') => {
    const field = part(setting, name);
    return (
      <Select
        label={field.label}
        allowDeselect={false}
        value={template[name] ?? ''}
        data={[{ value: '', label: 'все' }, ...(field.choices ?? []).map((one) => ({ ...one }))]}
        onChange={(next) => {
          const { [name]: _, ...rest } = template;
          setTemplate(next ? { ...rest, [name]: next } : rest);
        }}
      />
    );
  };
  const isTaken = all.some(({ name }, at) => at !== index && name === template.name.trim());
  return (
    <Stack gap="sm">
      <TextInput
        label="Название"
        required
        maxLength={100}
        error={isTaken && 'Такой шаблон уже есть.'}
        value={template.name}
        onChange={(event) => setTemplate({ ...template, name: event.currentTarget.value })}
      />
      <Group grow>
        {choose('kind')}
        {choose('deal')}
        {(template.kind === undefined || template.kind === 'commercial') && choose('commercialType')}
      </Group>
      <Textarea
        label="Текст"
        description={part(setting, 'text').about}
        required
        autosize
        minRows={6}
        maxRows={16}
        maxLength={10_000}
        value={template.text}
        onChange={(event) => setTemplate({ ...template, text: event.currentTarget.value })}
      />
      <details>
        <Text component="summary" size="sm" style={{ cursor: 'pointer' }}>
          Что можно вставить
        </Text>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
        <section className={classes.scroll} style={{ maxHeight: 240 }} tabIndex={0} aria-label="Что можно вставить">
          <Table aria-label="Что можно вставить" verticalSpacing={4}>
            <Table.Tbody>
              {(words.data?.placeholders ?? []).map(({ name, label }) => (
                <Table.Tr key={name}>
                  <Table.Td>
                    <Code>{`{${name}}`}</Code>
                  </Table.Td>
                  <Table.Td>{label}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </section>
      </details>
      <Told trial={trial.data} isTemplate />
      <ProblemAlert error={error ?? trial.error} />
      <Group justify="flex-end">
        <Button variant="default" onClick={onCancel}>
          Отмена
        </Button>
        <Button
          loading={isSaving}
          disabled={template.name.trim() === '' || template.text === '' || isTaken}
          onClick={() => {
            const made = { ...template, name: template.name.trim() };
            const next = index === null ? [...all, made] : all.map((known, at) => (at === index ? made : known));
            void onSave(next).catch(() => {});
          }}
        >
          Сохранить
        </Button>
      </Group>
    </Stack>
  );
}

function useTrial(body: { readonly template?: string; readonly formula?: string }, isAsked: boolean) {
  return useQuery<TextTrial, Error>({
    queryKey: ['settings', 'texts', 'try', body],
    queryFn: ({ signal }) => api.send<TextTrial>('POST', '/settings/texts/try', body, { signal }),
    enabled: isAsked,
    placeholderData: (before) => before,
    gcTime: 0,
  });
}

/** What it would write, on a listing of the agency. */
function Told({ trial, isTemplate = false }: { trial: TextTrial | undefined; isTemplate?: boolean }) {
  if (!trial) return null;
  const { faults, text, chars, listing, changeable } = trial;
  if (faults.length > 0)
    return (
      <Alert color="error" variant="light" role="status" title="Так не сохранить">
        <List size="sm">
          {faults.map((fault) => (
            <List.Item key={fault}>{fault}</List.Item>
          ))}
        </List>
      </Alert>
    );
  if (!isTemplate || !listing) return null;
  return (
    <Stack gap={6} role="status">
      <Text size="sm" fw={600}>
        Объект {listing.externalId}, {listing.heading}: {counted(chars, 'знак', 'знака', 'знаков')}
      </Text>
      <Text size="sm" style={{ whiteSpace: 'pre-wrap' }}>
        {text}
      </Text>
      {changeable.length > 0 && (
        <Alert color="money" variant="light">
          Описание пишется один раз, а {listed([...changeable])} со временем меняется: в тексте останется старое.
        </Alert>
      )}
    </Stack>
  );
}

// ---------------------------------------------------------------------------------------------------------------------

interface FormulasProps {
  readonly setting: FormSetting;
  readonly may: boolean;
  readonly onSave: (path: string, value: unknown) => Promise<unknown>;
}

function Formulas({ setting, may, onSave }: FormulasProps) {
  const all = setting.value as readonly Formula[];
  const [fresh, setFresh] = useState<Formula>({ name: '', label: '', formula: '' });
  const words = useApi<TextWords>('/settings/texts/words');
  const [formula] = useDebouncedValue(fresh.formula, 400);
  const trial = useTrial({ formula }, formula !== '');
  const put = (patch: Partial<Formula>) => setFresh((known) => ({ ...known, ...patch }));
  const isReady = /^[a-z][A-Za-z0-9]*$/.test(fresh.name) && fresh.label.trim() !== '' && fresh.formula.trim() !== '';
  return (
    <Sheet title={setting.label}>
      <Text size="sm" c="dimmed" mb="sm">
        {setting.about}
      </Text>
      {all.length > 0 && (
        <div className={classes.scroll}>
          <Table aria-label={setting.label} mb="md">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Подпись</Table.Th>
                <Table.Th>Имя</Table.Th>
                <Table.Th>Формула</Table.Th>
                {may && (
                  <Table.Th>
                    <span className="heard">Действие</span>
                  </Table.Th>
                )}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {all.map((one) => (
                <Table.Tr key={one.name}>
                  <Table.Th scope="row" fw={400}>
                    {one.label}
                  </Table.Th>
                  <Table.Td>
                    <Code>{one.name}</Code>
                  </Table.Td>
                  <Table.Td>
                    <Code>{one.formula}</Code>
                  </Table.Td>
                  {may && (
                    <Table.Td ta="end">
                      <Button
                        size="compact-sm"
                        variant="subtle"
                        color="error"
                        aria-label={`Убрать: ${one.label}`}
                        onClick={() =>
                          void onSave(
                            setting.path,
                            all.filter(({ name }) => name !== one.name),
                          ).catch(() => {})
                        }
                      >
                        Убрать
                      </Button>
                    </Table.Td>
                  )}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      )}
      {may && (
        <Stack gap="sm">
          <Group align="flex-end">
            <TextInput
              label="Подпись"
              placeholder="Собственнику"
              maxLength={100}
              value={fresh.label}
              onChange={(event) => put({ label: event.currentTarget.value })}
            />
            <TextInput
              label="Имя"
              placeholder="ownerKopecks"
              maxLength={60}
              value={fresh.name}
              onChange={(event) => put({ name: event.currentTarget.value })}
            />
            <TextInput
              label="Формула"
              placeholder="priceKopecks - commissionKopecks"
              maxLength={500}
              miw={300}
              value={fresh.formula}
              onChange={(event) => put({ formula: event.currentTarget.value })}
            />
            <Button
              variant="default"
              disabled={!isReady || (trial.data?.faults.length ?? 0) > 0}
              onClick={() =>
                void onSave(setting.path, [...all.filter(({ name }) => name !== fresh.name), fresh])
                  .then(() => setFresh({ name: '', label: '', formula: '' }))
                  .catch(() => {})
              }
            >
              Добавить
            </Button>
          </Group>
          {formula !== '' && <Told trial={trial.data} />}
          <details>
            <Text component="summary" size="sm" style={{ cursor: 'pointer' }}>
              Что можно взять в формулу
            </Text>
            <Text size="sm" mt={4}>
              {(words.data?.fields ?? []).map(({ name, label }) => `${name} — ${label}`).join('; ')}; функции{' '}
              {listed([...(words.data?.functions ?? [])])}.
            </Text>
          </details>
        </Stack>
      )}
    </Sheet>
  );
}
