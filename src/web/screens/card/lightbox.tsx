import Lightbox from 'yet-another-react-lightbox';
import Counter from 'yet-another-react-lightbox/plugins/counter';
import Zoom from 'yet-another-react-lightbox/plugins/zoom';
import 'yet-another-react-lightbox/styles.css';
import 'yet-another-react-lightbox/plugins/counter.css';
import type { ListingPhoto } from '../../../contracts/listing.ts';

interface LargeProps {
  readonly photos: readonly ListingPhoto[];
  readonly at: number;
  readonly onClose: () => void;
}

/** The photos large, one after the other; heavy, so it comes when somebody looks. */
export default function Large({ photos, at, onClose }: LargeProps) {
  return (
    <Lightbox
      open
      index={at}
      close={onClose}
      plugins={[Counter, Zoom]}
      slides={photos.map(({ large, place }) => ({ src: large, alt: `Фото ${place}` }))}
      labels={{
        Previous: 'Предыдущая',
        Next: 'Следующая',
        Close: 'Закрыть',
        Lightbox: 'Фотографии крупно',
        Carousel: 'Фотографии',
        Slide: 'Фотография',
        'Photo gallery': 'Фотографии',
        '{index} of {total}': '{index} из {total}',
        'Zoom in': 'Увеличить',
        'Zoom out': 'Уменьшить',
      }}
    />
  );
}
