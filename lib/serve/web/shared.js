/* shared.js - to come */
