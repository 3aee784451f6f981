import { IconArchive, IconBookmark, IconCircleCheck, IconHome, IconKey, type TablerIcon } from '@tabler/icons-react';
import type { Tone } from '../../theme.ts';

const LOOKS: Readonly<Record<string, { tone: Tone; icon: TablerIcon }>> = {
  active: { tone: 'ok', icon: IconHome },
  reserved: { tone: 'waiting', icon: IconBookmark },
  sold: { tone: 'neutral', icon: IconCircleCheck },
  rented: { tone: 'neutral', icon: IconKey },
  archived: { tone: 'neutral', icon: IconArchive },
};

/** The sign and the tone of where the property stands on the market. */
export const standingLook = (status: string): { tone: Tone; icon: TablerIcon } => LOOKS[status] ?? LOOKS.archived!;
