/** @jsxImportSource preact */
import type { Product } from '../shapes.ts';

/** Hues that a product without a picture may have. */
const HUES = 6;

/** The product's picture, or its initials. */
export function Picture({ product, eager = false }: { product: Product; eager?: boolean }) {
  const { imageUrl, name, productId } = product;
  if (imageUrl)
    return (
      <div class="picture">
        <img src={imageUrl} alt="" loading={eager ? 'eager' : 'lazy'} referrerpolicy="no-referrer" />
      </div>
    );
  return (
    <div class={`picture hue-${productId % HUES}`} aria-hidden="true">
      <span>{initialsOf(name)}</span>
    </div>
  );
}

function initialsOf(name: string): string {
  const words = name.match(/\p{L}[\p{L}\p{N}]*/gu) ?? [];
  const letters = words.slice(0, 2).map((word) => [...word][0]);
  return letters.join('').toUpperCase();
}
