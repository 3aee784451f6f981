import { Alert, Badge, Group, Modal, SegmentedControl, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import type { BoardStanding, ListingPreview } from '../../../contracts/listing.ts';
import { Loaded } from '../../parts/states.tsx';
import { useApi } from '../../query.ts';
import { listed, moment } from '../../words.ts';
import classes from './card.module.css';

interface PreviewProps {
  readonly listingId: number;
  /** null: closed. */
  readonly board: BoardStanding | null;
  readonly isDirty: boolean;
  readonly onClose: () => void;
}

/** The very piece of the file: what will go, and in what it differs from what the board has. */
export function Preview({ listingId, board, isDirty, onClose }: PreviewProps) {
  return (
    <Modal
      opened={board !== null}
      onClose={onClose}
      size="min(1000px, 96vw)"
      title={`Что уйдёт: ${board?.boardName ?? ''}`}
    >
      {board && <PreviewBody listingId={listingId} cabinetId={board.cabinetId} isDirty={isDirty} />}
    </Modal>
  );
}

function PreviewBody({ listingId, cabinetId, isDirty }: { listingId: number; cabinetId: number; isDirty: boolean }) {
  const query = useApi<ListingPreview>(`/listings/${listingId}/preview`, { cabinet: cabinetId });
  const [view, setView] = useState<'lines' | 'will' | 'served' | null>(null);
  return (
    <Loaded query={query}>
      {(preview) => {
        const { xml, served, lines, differs } = preview;
        const shown = view ?? (differs ? 'lines' : xml === null ? 'served' : 'will');
        return (
          <Stack gap="sm">
            {isDirty && (
              <Alert color="waiting" variant="light">
                Здесь сохранённое: того, что вы набрали и не сохранили, в файле ещё нет.
              </Alert>
            )}
            <Facts preview={preview} />
            <Group gap="sm">
              <SegmentedControl
                size="xs"
                aria-label="Что показать"
                value={shown}
                onChange={(value) => setView(value as 'lines' | 'will' | 'served')}
                data={[
                  { value: 'lines', label: 'Разница', disabled: lines.length === 0 },
                  { value: 'will', label: 'Уйдёт', disabled: xml === null },
                  { value: 'served', label: 'На доске', disabled: served.xml === null },
                ]}
              />
              {lines.length > 0 && !differs && <Badge color="ok">на доске то же самое</Badge>}
            </Group>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
            <section className={classes.xml} tabIndex={0} aria-label="XML">
              {shown === 'lines'
                ? lines.map(({ kind, text }, at) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name and never move
                    <div key={at} className={classes.line} data-kind={kind}>
                      <span className={classes.sign} aria-hidden>
                        {kind === 'added' ? '+' : kind === 'removed' ? '−' : ' '}
                      </span>
                      {kind !== 'same' && (
                        <span className="heard">{kind === 'added' ? 'добавится:' : 'исчезнет:'}</span>
                      )}
                      {text}
                    </div>
                  ))
                : shown === 'will'
                  ? xml
                  : served.xml}
            </section>
          </Stack>
        );
      }}
    </Loaded>
  );
}

function Facts({ preview }: { preview: ListingPreview }) {
  const { isPassable, isKept, phones, phoneKind, phoneChangesAt, served, xml } = preview;
  return (
    <Stack gap={2}>
      {xml === null && <Text size="sm">Объявление не записывается: сначала исправьте замечания доски.</Text>}
      {xml !== null && !isPassable && (
        <Text size="sm">Так объявление выглядело бы в файле, но с этими замечаниями оно в него не попадёт.</Text>
      )}
      {isKept && <Text size="sm">Пока правка ждёт модератора, уходит прежняя одобренная версия.</Text>}
      {phones.length > 0 && (
        <Text size="sm">
          Телефон: {listed(phones)}
          {phoneKind && ` (${phoneKind})`}
          {phoneChangesAt && `, сменится ${moment(phoneChangesAt)}`}
        </Text>
      )}
      <Text size="sm" c="dimmed">
        {served.state === 'shown' && served.publishedAt
          ? `Издание №${served.editionId} от ${moment(served.publishedAt)}: ${served.label}.`
          : `Сейчас: ${served.label}.`}
      </Text>
    </Stack>
  );
}
