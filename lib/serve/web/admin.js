/* admin.js - to come */
