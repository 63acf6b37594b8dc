/* picture.js - what the page draws as a PNG, with its title and with the names of its colours. A line chart is a canvas already; an SVG is
 * drawn onto one with the styles that it has here; bars, funnels and heat maps are HTML: their boxes and words are painted. */

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/* A title above, keys [color, text] below in as many lines as they take. scale: pixels of the canvas for one of the page. */
export function framed(drawn, scale, title, keys) {
	const canvas = document.createElement('canvas'), ctx = canvas.getContext('2d'), places = [];
	const size = 14 * scale, line = 22 * scale, pad = 12 * scale, font = (weight) => `${weight} ${size}px system-ui, sans-serif`;
	let x = 0, rows = keys.length ? 1 : 0;

	ctx.font = font(400);
	for (const [of, name] of keys) {
		const wide = ctx.measureText(name).width + 2.5 * size;
		if (x && x + wide > drawn.width)
			x = 0, rows++;
		places.push({ of, name, x, y: pad + line + drawn.height + (rows - 0.5) * line });
		x += wide;
	}
	canvas.width = drawn.width + 2 * pad;
	canvas.height = drawn.height + (1 + rows) * line + 2 * pad;
	ctx.fillStyle = color('--surface');
	ctx.fillRect(0, 0, canvas.width, canvas.height);
	ctx.drawImage(drawn, pad, pad + line);
	ctx.textBaseline = 'middle';
	ctx.font = font(600);
	ctx.fillStyle = color('--ink');
	ctx.fillText(title, pad, pad + line / 2, drawn.width);
	ctx.font = font(400);
	for (const p of places) {
		ctx.fillStyle = p.of;
		ctx.fillRect(pad + p.x, p.y - size * 0.35, size * 0.7, size * 0.7);
		ctx.fillStyle = color('--ink');
		ctx.fillText(p.name, pad + p.x + size, p.y, drawn.width - p.x - size);
	}
	return new Promise((done) => canvas.toBlob(done));
}

/* The lines of a text as they are broken here: [text, rectangle of the page]. */
function linesOf(node) {
	const range = document.createRange(), lines = [];
	let at = 0;

	for (const letter of node.data) {
		range.setStart(node, at);
		range.setEnd(node, at += letter.length);
		const r = range.getBoundingClientRect(), last = lines.at(-1);

		if (last && Math.abs(last.top - r.top) < 2) {
			last.text += letter;
			last.left = Math.min(last.left, r.left);
			last.right = Math.max(last.right, r.right);
		} else if (r.width) {
			lines.push({ text: letter, left: r.left, right: r.right, top: r.top, bottom: r.bottom });
		}
	}
	return lines;
}

/* As much of it as has room, then "…". */
function cut(ctx, text, room) {
	const letters = [...text];

	if (ctx.measureText(text).width <= room + 1)
		return text;
	while (letters.length && ctx.measureText(`${letters.join('')}…`).width > room)
		letters.pop();
	return `${letters.join('')}…`;
}

/* Boxes and words of HTML, where and in the colours that they have here, what is scrolled out of sight too. */
export function paintedOf(box) {
	const canvas = document.createElement('canvas'), ctx = canvas.getContext('2d'), scale = 2, from = box.getBoundingClientRect();
	const x = (v) => v - from.left + box.scrollLeft, y = (v) => v - from.top + box.scrollTop;
	const paint = (e) => {
		const s = getComputedStyle(e), r = e.getBoundingClientRect(), ground = e.tagName === 'rect' ? s.fill : s.backgroundColor;

		if (s.display === 'none' || s.visibility === 'hidden' || s.clipPath !== 'none')
			return;
		if (e !== box && e.tagName !== 'BUTTON') {     /* a button's is that of the pointer on it */
			ctx.globalAlpha = +s.opacity;
			ctx.fillStyle = ground;
			ctx.fillRect(x(r.left), y(r.top), r.width, r.height);
			ctx.globalAlpha = 1;
		}
		for (const child of e.childNodes)
			if (child.nodeType === Node.ELEMENT_NODE) {
				paint(child);
			} else if (child.nodeType === Node.TEXT_NODE && child.data.trim()) {
				ctx.font = `${s.fontStyle} ${s.fontWeight} ${s.fontSize} ${s.fontFamily}`;
				ctx.fillStyle = s.color;
				for (const l of linesOf(child))
					ctx.fillText(cut(ctx, l.text, s.overflowX === 'visible' ? Infinity : r.right - l.left), x(l.left), y((l.top + l.bottom) / 2));
			}
	};

	canvas.width = box.scrollWidth * scale;
	canvas.height = box.scrollHeight * scale;
	ctx.scale(scale, scale);
	ctx.textBaseline = 'middle';
	paint(box);
	return canvas;
}

/* An SVG with its styles. */
export async function pictureOf(drawing) {
	const box = drawing.getBoundingClientRect(), scale = 2, copy = drawing.cloneNode(true);
	const from = [drawing, ...drawing.querySelectorAll('*')], to = [copy, ...copy.querySelectorAll('*')];

	from.forEach((e, i) => {
		const s = getComputedStyle(e);
		for (const name of ['fill', 'stroke', 'stroke-width', 'stroke-linecap', 'font-size', 'font-family', 'font-weight', 'text-anchor', 'opacity'])
			to[i].setAttribute(name, s.getPropertyValue(name));
	});
	copy.setAttribute('width', box.width);
	copy.setAttribute('height', box.height);
	const image = new Image(), url = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: 'image/svg+xml' }));
	try {
		image.src = url;
		await image.decode();
		const canvas = document.createElement('canvas'), ctx = canvas.getContext('2d');
		canvas.width = box.width * scale;
		canvas.height = box.height * scale;
		ctx.drawImage(image, 0, 0, canvas.width, canvas.height);
		return canvas;
	} finally {
		URL.revokeObjectURL(url);
	}
}
