// JSX without a compiler. Preact puts every value into text nodes and attributes, never into markup.
import htm from "./htm.js";
import { h } from "./preact.js";

export const html = htm.bind(h);
