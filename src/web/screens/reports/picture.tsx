import { UnstyledButton, useComputedColorScheme } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { type MouseEvent, useState } from 'react';
import type { ExportReport } from '../../../contracts/export-report.ts';
import { NARROW_PICTURE, PICTURE, pictureHeight, pointedAt, SERIES_LABELS } from '../../../contracts/words.ts';
import { addressOf, type Query } from '../../api.ts';
import { formatNumber } from '../../words.ts';
import type { Place } from './behind.tsx';
import classes from './exports.module.css';

interface PictureProps {
  readonly query: Query;
  readonly answer: ExportReport;
  readonly onOpen: (place: Place) => void;
}

/** The picture of the server; a column that is pointed at tells its number, and opens what is behind it. */
export function Picture({ query, answer, onOpen }: PictureProps) {
  const isPhone = useMediaQuery('(max-width: 48em)', undefined, { getInitialValueInEffect: false }) ?? false;
  const shape = isPhone ? NARROW_PICTURE : PICTURE;
  const theme = useComputedColorScheme('light');
  const { sources, steps } = answer;
  const [told, setTold] = useState('');
  const placeOf = (event: MouseEvent): (Place & { readonly count: number | null }) | null => {
    const box = event.currentTarget.getBoundingClientRect();
    const scale = shape.width / box.width;
    const point = { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
    const found = pointedAt(point, sources.length, steps.length, shape);
    if (!found) return null;
    const [source, step] = [sources[found.source]!, steps[found.step]!];
    const { series } = found;
    const count = source.steps[found.step]!.total?.[series] ?? null;
    return { at: step.from, source: source.id, sourceTitle: source.title, label: step.label, series, count };
  };
  return (
    // Its columns are in the table below for whoever has no mouse.
    <UnstyledButton
      tabIndex={-1}
      w="100%"
      title={told}
      aria-label="График выгрузки: столбец открывает свои объекты; те же числа в таблице ниже"
      onMouseMove={(event) => {
        const place = placeOf(event);
        setTold(
          place
            ? `${place.label}, ${SERIES_LABELS[place.series]}: ${place.count === null ? 'записи нет' : formatNumber(place.count)}`
            : '',
        );
      }}
      onClick={(event) => {
        const place = placeOf(event);
        if (place?.count) onOpen(place);
      }}
    >
      <img
        src={addressOf('/reports/exports.svg', { ...query, theme, ...(isPhone && { shape: 'narrow' }) })}
        width={shape.width}
        height={pictureHeight(sources.length, shape)}
        alt="График выгрузки"
        className={classes.picture}
      />
    </UnstyledButton>
  );
}
