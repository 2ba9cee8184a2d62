// The pages of the real program in a real browser. One file, so that all tests share one program.

import "./access.js";
import "./home.js";
import "./prints.js";
import "./sign.js";
