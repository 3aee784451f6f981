import { Badge, SegmentedControl, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Case, ComparedPhoto } from '../../../contracts/moderation.ts';
import { agree, formatNumber, moment } from '../../words.ts';
import classes from './moderation.module.css';

export type TextLayout = 'line' | 'sides';

interface DifferenceProps {
  readonly shown: Case;
  /** Everything, or only what changed. */
  readonly isAll: boolean;
  readonly layout: TextLayout;
  readonly onLayout: (layout: TextLayout) => void;
  readonly onPhoto: (photo: ComparedPhoto) => void;
}

/** The marker by which `[` and `]` go from change to change. */
const CHANGE = 'data-change';

export const changesOnPage = (within: HTMLElement | null): HTMLElement[] => [
  ...(within?.querySelectorAll<HTMLElement>(`[${CHANGE}]`) ?? []),
];

/** What is to be looked at: the difference against what was approved last; of a new listing everything. */
export function Difference({ shown, isAll, layout, onLayout, onPhoto }: DifferenceProps) {
  const { price, texts, fields, photos, isNew, content } = shown;
  const isNothing = !isNew && !price && texts.length + fields.length === 0 && !photos.isChanged;
  const changed = new Set([...(price ? [price] : []), ...texts, ...fields].map(({ field }) => field));
  const longTexts = content.filter(({ field }) => field === 'description' || field === 'title');
  const plain = content.filter(({ field }) => !['description', 'title', 'photos'].includes(field));
  const rest = isNew ? plain : plain.filter(({ field }) => !changed.has(field));
  return (
    <>
      {isNothing && (
        <Text size="sm" c="dimmed">
          С последнего одобрения ничего не изменилось.
        </Text>
      )}
      {price && (
        <Part title="Цена" passes={price.passes}>
          <p className={classes.price}>
            <del>{price.before}</del>
            <span aria-hidden>→</span>
            <ins>{price.after}</ins>
            {price.percent !== null && (
              <Badge variant="light" color={price.percent > 0 ? 'money' : 'ok'} className={classes.badge!}>
                {price.percent > 0 ? '+' : '−'}
                {formatNumber(Math.abs(price.percent))} %
              </Badge>
            )}
          </p>
        </Part>
      )}
      {texts.map((text) => (
        <Part
          key={text.field}
          title={text.label}
          passes={text.passes}
          aside={
            <>
              <Text size="sm" c="dimmed">
                {wordCount(text)}
              </Text>
              <SegmentedControl
                size="xs"
                aria-label="Как показать текст"
                value={layout}
                onChange={(value) => onLayout(value as TextLayout)}
                data={[
                  { value: 'line', label: 'в строку' },
                  { value: 'sides', label: 'рядом' },
                ]}
              />
            </>
          }
        >
          {layout === 'line' ? (
            <p className={classes.text}>
              <Parts parts={text.parts} isAll={isAll} />
            </p>
          ) : (
            <div className={classes.sides}>
              <div>
                <Text size="xs" c="dimmed">
                  Было
                </Text>
                <p className={classes.text}>
                  <Parts parts={text.parts.filter(({ kind }) => kind !== 'added')} isAll={isAll} />
                </p>
              </div>
              <div>
                <Text size="xs" c="dimmed">
                  Стало
                </Text>
                <p className={classes.text}>
                  <Parts parts={text.parts.filter(({ kind }) => kind !== 'removed')} isAll={isAll} />
                </p>
              </div>
            </div>
          )}
        </Part>
      ))}
      {fields.length > 0 && (
        <Part title="Поля">
          <dl className={classes.fields}>
            {fields.map(({ field, label, before, after, passes }) => (
              <div key={field}>
                <dt>{label}</dt>
                <dd>
                  <del>{before}</del> <span aria-hidden>→</span> <ins>{after}</ins>
                  {passes && <Passes />}
                </dd>
              </div>
            ))}
          </dl>
        </Part>
      )}
      {(isNew || isAll) &&
        longTexts
          .filter(({ field }) => isNew || !changed.has(field))
          .map(({ field, label, text }) => (
            <Part key={field} title={label} isChange={isNew}>
              <p className={classes.text}>{text}</p>
            </Part>
          ))}
      {(photos.isChanged || isNew || isAll) && (
        <Photos photos={photos} isNew={isNew} isAll={isAll || isNew} onPhoto={onPhoto} />
      )}
      {(isNew || isAll) && rest.length > 0 && (
        <Part title={isNew ? 'Поля' : 'Без изменений'} isChange={isNew}>
          <dl className={classes.fields}>
            {rest.map(({ field, label, text }) => (
              <div key={field}>
                <dt>{label}</dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
        </Part>
      )}
    </>
  );
}

/** «+14 −3 слова» */
function wordCount({ added, removed }: Case['texts'][number]): string {
  const parts = [...(added > 0 ? [`+${added}`] : []), ...(removed > 0 ? [`−${removed}`] : [])];
  return parts.length === 0
    ? 'только знаки'
    : `${parts.join(' ')} ${agree(removed || added, 'слово', 'слова', 'слов')}`;
}

interface PartProps {
  readonly title: string;
  readonly aside?: ReactNode;
  readonly passes?: boolean;
  readonly isChange?: boolean;
  readonly children: ReactNode;
}

function Part({ title, aside, passes = false, isChange = true, children }: PartProps) {
  return (
    <section className={classes.part} aria-label={title} tabIndex={-1} {...(isChange && { [CHANGE]: '' })}>
      <header className={classes.partHead}>
        <h3 className={classes.partTitle}>
          {title}
          {passes && <Passes />}
        </h3>
        {aside && <div className={classes.partAside}>{aside}</div>}
      </header>
      {children}
    </section>
  );
}

const Passes = () => <span className={classes.passes}>проходит без проверки</span>;

/** Of a long piece that did not change the ends are enough. */
const KEPT_CHARS = 60;

function Parts({ parts, isAll }: { parts: Case['texts'][number]['parts']; isAll: boolean }) {
  return parts.map(({ kind, text }, index) => {
    // The parts of a text have no names and never move.
    const key = index;
    if (kind === 'added') return <ins key={key}>{text}</ins>;
    if (kind === 'removed') return <del key={key}>{text}</del>;
    if (isAll || text.length <= KEPT_CHARS * 3) return <span key={key}>{text}</span>;
    // Whole words only.
    const start = index === 0 ? '' : text.slice(0, KEPT_CHARS).replace(/\S+$/, '');
    const end = index === parts.length - 1 ? '' : text.slice(-KEPT_CHARS).replace(/^\S+/, '');
    return (
      <span key={key}>
        {start}
        <span className={classes.cut}> … </span>
        {end}
      </span>
    );
  });
}

interface PhotosProps {
  readonly photos: Case['photos'];
  readonly isNew: boolean;
  readonly isAll: boolean;
  readonly onPhoto: (photo: ComparedPhoto) => void;
}

const isSame = ({ fate, isMoved, isPlanChanged }: ComparedPhoto) => fate === 'same' && !isMoved && !isPlanChanged;

function Photos({ photos, isNew, isAll, onPhoto }: PhotosProps) {
  const gone = photos.before.filter(({ fate, pair }) => fate === 'removed' || (fate === 'replaced' && pair !== null));
  const shown = isAll ? photos.after : photos.after.filter((photo) => !isSame(photo));
  const quiet = photos.after.length - shown.length;
  return (
    <Part
      title={`Фотографии, ${photos.after.length}`}
      passes={photos.isChanged && photos.passes}
      isChange={photos.isChanged || isNew}
      aside={
        photos.summary !== '' && (
          <Text size="sm" c="dimmed">
            {photos.summary}
          </Text>
        )
      }
    >
      {photos.after.length === 0 && <Text size="sm">Фотографий нет.</Text>}
      <ul className={classes.photos} aria-label={isNew ? 'Фотографии' : 'Стало'}>
        {shown.map((photo) => (
          <Thumb key={`${photo.place} ${photo.thumb}`} photo={photo} onPhoto={onPhoto} />
        ))}
      </ul>
      {quiet > 0 && (
        <Text size="xs" c="dimmed" mt={4}>
          Ещё {quiet} без изменений.
        </Text>
      )}
      {!isNew && gone.length > 0 && (
        <>
          <Text size="xs" c="dimmed" mt="xs">
            Было и нет
          </Text>
          <ul className={classes.photos} aria-label="Было и нет">
            {gone.map((photo) => (
              <Thumb
                key={`${photo.place} ${photo.thumb}`}
                photo={{ ...photo, fate: 'removed', words: 'убрано' }}
                onPhoto={onPhoto}
              />
            ))}
          </ul>
        </>
      )}
    </Part>
  );
}

function Thumb({ photo, onPhoto }: { photo: ComparedPhoto; onPhoto: (photo: ComparedPhoto) => void }) {
  const words = [photo.isPlan ? 'планировка' : '', photo.words].filter((word) => word !== '').join(', ');
  return (
    <li className={classes.photo} data-fate={photo.fate}>
      <button
        type="button"
        className={classes.thumb}
        aria-label={`Фото ${photo.place}${words === '' ? '' : `: ${words}`}, открыть крупно`}
        onClick={() => onPhoto(photo)}
      >
        <img src={photo.thumb} alt="" loading="lazy" width={120} height={90} />
      </button>
      <span className={classes.photoWords}>
        {photo.place}
        {words !== '' && `. ${words}`}
      </span>
    </li>
  );
}

/** «С последнего одобрения (12 ноября, Ирина): цена, текст, 3 фото». */
export function Since({ shown }: { shown: Case }) {
  if (shown.isNew)
    return (
      <Text size="sm" c="dimmed">
        Новый объект: его ещё не одобряли.
      </Text>
    );
  return (
    <Text size="sm" c="dimmed">
      С последнего одобрения
      {shown.approved && ` (${moment(shown.approved.at)}, ${shown.approved.by})`}
      {shown.summary === '' ? ' ничего не изменилось' : `: ${shown.summary}`}
    </Text>
  );
}
