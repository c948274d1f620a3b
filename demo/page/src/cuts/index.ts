/** The two cuts of this page. This module has to be the first that the page loads. */

import { Cut } from "./cut.ts";
import { cuttableConnection } from "./direct.ts";
import { installServerCut } from "./server.ts";

/** Between this page and the peers that it talks to directly. */
export const directCut = new Cut();

/** Between this page and the server. */
export const serverCut = new Cut();

/** For the client's option of the same name. */
export const CuttableConnection = cuttableConnection(directCut);

installServerCut(serverCut);
