/* explore.js - to come */
