import { Terminal } from "../vendor/xterm/xterm.mjs"; void Terminal;
