import { XmlElement, type XmlNode } from 'libxml2-wasm';
import type { Codec } from './codec.ts';
import type { ProblemCode } from './inspect.ts';
import { leafTypes, MUST_PREFIX, ONCE_PREFIX, type SchemaNode } from './schema.ts';

/** What libxml2 says of a document, told in Russian and pinned to an element. */

/** What a remark of libxml2 is about. */
export interface Subject {
  /** Path inside the offer, empty for the offer itself and outside of it. */
  readonly path: string;
  readonly schema: SchemaNode | undefined;
  readonly element: XmlElement | undefined;
  readonly isInOffer: boolean;
  readonly codec: Codec;
  /** How a sentence calls the element. */
  readonly name: string;
  /** The element, or its attribute where the remark is about one. */
  readonly what: string;
}

interface Said {
  readonly code: ProblemCode;
  readonly message: string;
}

const within = ({ path }: Subject, inner: string) => (path === '' ? inner : `${path}/${inner}`);
const missing = (path: string): Said => ({ code: 'missing', message: `Нет обязательного элемента ${path}.` });
const wrong = (what: string, value: string, why: string): Said => ({
  code: 'wrong-value',
  message: `${what} = «${short(value)}»: ${why}`,
});
const repeatedTwice = (path: string): Said => ({
  code: 'repeated',
  message: `Элемент ${path} повторён, а бывает один.`,
});

type Remark = readonly [pattern: RegExp, say: (subject: Subject, found: readonly string[]) => readonly Said[]];

/** The frequent remarks of libxml2, without «Element 'x': » before them, and what we say instead. */
const REMARKS: readonly Remark[] = [
  // Only follows from another remark.
  [/^Warning: No precomputed value/, () => []],
  [
    /^No matching global declaration/,
    ({ name, codec }) => [
      {
        code: 'wrong-root',
        message: `Корень файла — ${name}, а должен быть ${codec.rootName} своего пространства имён.`,
      },
    ],
  ],
  [
    /^Duplicate key-sequence \['?([\s\S]*?)'?\] in unique identity-constraint/,
    (_, [, id = '']) => [{ code: 'duplicate-id', message: `Номер ${id} уже есть у другого объявления файла.` }],
  ],
  [
    /^Not all fields of key identity-constraint '(.*)' evaluate/,
    ({ element }, [, constraint = '']) => {
      const watched = constraint.replace(MUST_PREFIX, '');
      // It stands, but libxml2 could not take its value or did not come so far: that is told elsewhere.
      if (element !== undefined && stands(element, watched.split('..').at(-1)!.split('.'))) return [];
      return [missing(watched.replace(/\.+/g, '/'))];
    },
  ],
  [
    /of (?:unique|key) identity-constraint '(.*)' evaluates to a node-set with more/,
    (_, [, constraint = '']) => [
      repeatedTwice(constraint.replace(MUST_PREFIX, '').replace(ONCE_PREFIX, '').replace(/\.+/g, '/')),
    ],
  ],
  [
    /^Missing child element/,
    (subject) => {
      const { element, schema, name, isInOffer } = subject;
      if (!isInOffer)
        return [{ code: 'wrong-root', message: `В корне файла не хватает элементов перед объявлениями.` }];
      const there = new Set(element === undefined ? [] : childrenOf(element).map((child) => child.name));
      const needed = [...(schema?.children.values() ?? [])].filter(
        (child) => (child.isRequired || schema?.children.size === 1) && !there.has(child.name),
      );
      if (needed.length === 0)
        return [{ code: 'missing', message: `В элементе ${name} не хватает вложенных элементов.` }];
      return needed.map((child) => missing(within(subject, child.name)));
    },
  ],
  [
    /^This element is not expected/,
    ({ path, schema, name, isInOffer }) => {
      if (!isInOffer) return [{ code: 'wrong-root', message: `Элемент ${name} стоит в корне не на своём месте.` }];
      if (path === '') return [{ code: 'wrong-root', message: 'Объявление стоит в корне не на своём месте.' }];
      return [
        schema === undefined ? { code: 'unexpected', message: `Неизвестный элемент ${path}.` } : repeatedTwice(path),
      ];
    },
  ],
  [
    /^The attribute '(.*)' is required but missing/,
    (subject, [, attribute]) => [missing(within(subject, `@${attribute}`))],
  ],
  [
    /^The attribute '(.*)' is not allowed/,
    (subject, [, attribute]) => [
      { code: 'unexpected', message: `Неизвестный атрибут ${within(subject, `@${attribute}`)}.` },
    ],
  ],
  [
    /^The value '([\s\S]*)' does not match the fixed value constraint '(.*)'/,
    ({ what, isInOffer }, [, value = '', fixed]) => [
      {
        code: isInOffer ? 'wrong-value' : 'wrong-root',
        message: `${what} = «${short(value)}», а должно быть «${fixed}».`,
      },
    ],
  ],
  [
    /^\[facet 'enumeration'\] The value '([\s\S]*?)' is not an element of the set/,
    ({ what, schema }, [, value = '']) => [wrong(what, value, `такого слова в словаре нет.${nearWords(schema)}`)],
  ],
  [
    /^\[facet 'pattern'\] The value '([\s\S]*)' is not accepted by the pattern/,
    ({ what }, [, value = '']) => [wrong(what, value, 'не тот вид записи.')],
  ],
  [
    /^\[facet 'minInclusive'\] The value '([\s\S]*)' is less than the minimum value allowed \('(.*)'\)/,
    ({ what }, [, value = '', limit]) => [wrong(what, value, `меньше ${limit}.`)],
  ],
  [
    /^\[facet 'minExclusive'\] The value '([\s\S]*)' must be greater than '(.*)'/,
    ({ what }, [, value = '', limit]) => [wrong(what, value, `должно быть больше ${limit}.`)],
  ],
  [
    /^\[facet 'maxInclusive'\] The value '([\s\S]*)' is greater than the maximum value allowed \('(.*)'\)/,
    ({ what }, [, value = '', limit]) => [wrong(what, value, `больше ${limit}.`)],
  ],
  [
    /length of '0'; this underruns the allowed minimum length/,
    ({ what }) => [{ code: 'wrong-value', message: `Элемент ${what} пуст.` }],
  ],
  [
    /length of '(\d+)'; this underruns the allowed minimum length of '(\d+)'/,
    ({ what }, [, length, limit]) => [
      { code: 'wrong-value', message: `Длина ${what} — ${length}, а нужно не меньше ${limit}.` },
    ],
  ],
  [
    /length of '(\d+)'; this exceeds the allowed maximum length of '(\d+)'/,
    ({ what }, [, length, limit]) => [
      { code: 'wrong-value', message: `Длина ${what} — ${length}, а можно не больше ${limit}.` },
    ],
  ],
  [
    /^'([\s\S]*)' is not a valid value of the (?:local )?(?:atomic|union) type/,
    ({ what, schema }, [, value = '']) => {
      const kind = schema === undefined ? '' : typeInRussian(schema);
      return [wrong(what, value, `${kind === '' ? 'такое значение не подходит' : `нужно ${kind}`}.`)];
    },
  ],
  [
    /^Character content other than whitespace/,
    ({ name }) => [{ code: 'unexpected', message: `В элементе ${name} стоит текст между вложенными элементами.` }],
  ],
  [
    /^Element content is not allowed/,
    ({ name }) => [{ code: 'unexpected', message: `В элементе ${name} вложенные элементы, а должен быть текст.` }],
  ],
];

export function sayInRussian(remark: string, subject: Subject): readonly Said[] {
  for (const [pattern, say] of REMARKS) {
    const found = pattern.exec(remark);
    if (found) return say(subject, found);
  }
  return [{ code: 'schema', message: `Элемент ${subject.name} не принят схемой.` }];
}

const short = (value: string) => (value.length > 60 ? `${value.slice(0, 57)}…` : value);

function nearWords(schema: SchemaNode | undefined): string {
  const words =
    schema === undefined ? [] : leafTypes(schema).flatMap((type) => (type.type === 'enum' ? type.values : []));
  return words.length === 0 || words.length > 8 ? '' : ` Можно: ${words.join(', ')}.`;
}

function typeInRussian(schema: SchemaNode): string {
  const names = {
    integer: 'целое число',
    decimal: 'число',
    dateTime: 'дата и время с часовым поясом',
    date: 'дата',
    enum: 'слово из словаря',
    string: 'текст',
    block: '',
  };
  return [...new Set(leafTypes(schema).map(({ type }) => names[type]))].join(' или ');
}

function childrenOf(element: XmlElement): XmlElement[] {
  const children: XmlElement[] = [];
  for (let child = element.firstChild; child; child = child.next) if (child instanceof XmlElement) children.push(child);
  return children;
}

/** Is there an element at the path below this one? */
function stands(element: XmlElement, path: readonly string[]): boolean {
  const [step, ...rest] = path;
  return step === undefined || childrenOf(element).some((child) => child.name === step && stands(child, rest));
}

/** Names from the root down, with the place among siblings of one name where there are several. */
export function stepsTo(element: XmlElement): string[] {
  const steps: string[] = [];
  for (let at: XmlElement | null = element; at; at = at.parent) {
    let before = 0;
    let after = 0;
    for (let other = at.prev; other; other = other.prev)
      if (other instanceof XmlElement && other.name === at.name) before++;
    for (let other = at.next; other; other = other.next)
      if (other instanceof XmlElement && other.name === at.name) after++;
    steps.unshift(before + after === 0 ? at.name : `${at.name}[${before + 1}]`);
  }
  return steps;
}

export function offerOf(element: XmlElement): XmlElement | undefined {
  let at: XmlNode | null = element;
  while (at?.parent?.parent) at = at.parent;
  return at?.parent && at instanceof XmlElement ? at : undefined;
}

export function nodeAt(tree: SchemaNode, path: string): SchemaNode | undefined {
  let node: SchemaNode | undefined = tree;
  for (const step of path === '' ? [] : path.split('/')) node = node?.children.get(step);
  return node;
}
