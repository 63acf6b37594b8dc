/* edit.js - to come */
