import type { ReportListing } from '../../../contracts/export-report.ts';

/** As people type it: neither capitals nor ё tell words apart. */
const plain = (text: string) => text.toLowerCase().replaceAll('ё', 'е');

/** Do all the words stand somewhere in what names the listing? An empty text is about any. */
export function isAbout(
  { externalId, title, employee }: Pick<ReportListing, 'externalId' | 'title' | 'employee'>,
  text: string,
): boolean {
  const told = plain(`${externalId} ${title} ${employee ?? ''}`);
  return plain(text)
    .split(/\s+/)
    .every((word) => told.includes(word));
}
