import { ActionIcon, Modal, Text } from '@mantine/core';
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import type { Case, ComparedPhoto } from '../../../contracts/moderation.ts';
import { useHotkeys } from '../../hotkeys.ts';
import classes from './moderation.module.css';

interface PhotoViewerProps {
  readonly photos: Case['photos'];
  readonly photo: ComparedPhoto;
  readonly onPhoto: (photo: ComparedPhoto) => void;
  readonly onClose: () => void;
}

/** A picture in full size; beside it the one whose place it took. */
export function PhotoViewer({ photos, photo, onPhoto, onClose }: PhotoViewerProps) {
  const { after, before } = photos;
  const all = photo.fate === 'removed' ? before : after;
  const at = all.findIndex(({ place }) => place === photo.place);
  const go = (step: number) => {
    const next = all[at + step];
    if (next) onPhoto(photo.fate === 'removed' ? { ...next, fate: 'removed' } : next);
  };
  const was =
    photo.fate === 'replaced' && photo.pair !== null ? before.find(({ place }) => place === photo.pair) : undefined;
  // Other bytes at the same address: the old picture is nowhere any more.
  const isOldGone = was !== undefined && was.large === photo.large;
  useHotkeys('Фотографии', [
    { keys: 'left', words: 'Предыдущая', inDialog: true, repeats: true, run: () => go(-1) },
    { keys: 'right', words: 'Следующая', inDialog: true, repeats: true, run: () => go(1) },
    { keys: 'space', words: 'Закрыть', inDialog: true, run: onClose },
  ]);
  return (
    <Modal opened onClose={onClose} fullScreen title={`Фото ${photo.place} из ${all.length}`}>
      <div className={classes.viewer}>
        <ActionIcon variant="default" size="lg" aria-label="Предыдущее фото" disabled={at <= 0} onClick={() => go(-1)}>
          <IconChevronLeft size={20} />
        </ActionIcon>
        <div className={classes.large}>
          {was && !isOldGone && (
            <figure>
              <img src={was.large} alt={`Было: фото ${was.place}`} />
              <figcaption>Было</figcaption>
            </figure>
          )}
          <figure>
            <img src={photo.large} alt={`Фото ${photo.place}`} />
            <figcaption>
              {was && !isOldGone ? 'Стало' : ''} {photo.words}
            </figcaption>
          </figure>
        </div>
        <ActionIcon
          variant="default"
          size="lg"
          aria-label="Следующее фото"
          disabled={at >= all.length - 1}
          onClick={() => go(1)}
        >
          <IconChevronRight size={20} />
        </ActionIcon>
      </div>
      {isOldGone && (
        <Text size="sm" c="dimmed" ta="center">
          По этому адресу теперь другой файл; прежний посмотреть нельзя.
        </Text>
      )}
    </Modal>
  );
}
