// On every page: htmx (configured by the meta tag, without eval), live fragments, and small comforts.
import "../vendor/htmx/htmx.esm.js";
import "./answer.js";
import { charts } from "./chart.js";
import { follow } from "./live.js";
import { comforts } from "./comforts.js";
import { countDown } from "./left.js";
import { posting } from "./posting.js";

comforts(document);
posting();
countDown();
charts();
document.addEventListener("htmx:afterSettle", (event) => comforts(event.target));
follow();
