import sharp, { type Region } from 'sharp';

/** How light the points of a part of a picture are, 0–255. (`stats` of sharp would tell of the whole picture.) */
export const greys = async (png: Uint8Array, part: Region): Promise<readonly number[]> => [
  ...(await sharp(png).extract(part).greyscale().raw().toBuffer()),
];
