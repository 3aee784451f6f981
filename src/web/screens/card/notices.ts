import type { ListingCheck } from '../../../contracts/listing.ts';
import type { ToldNotice } from '../../parts/notices.tsx';

/** What boards say, in the shape of the parts that show it. */
export const noticesOf = (check: ListingCheck | undefined): ToldNotice[] =>
  (check?.notices ?? []).map(({ whose, boards: _, ...notice }) => ({
    ...notice,
    ...(whose !== null && { boardName: whose }),
  }));
