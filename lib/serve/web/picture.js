/* picture.js - what the page draws as a PNG, with its title and with the names of its colours. A line chart is a canvas already; an SVG is
 * drawn onto one with the styles that it has here; bars are drawn anew, for they are HTML. */

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

/* Bars with their names and values, in the colours and shares that they have here. */
export function barsOf(list) {
	const canvas = document.createElement('canvas'), ctx = canvas.getContext('2d'), rows = [...list.children], scale = 2;
	const wide = Math.max(320, list.getBoundingClientRect().width) * scale, line = 26 * scale, name = wide * 0.3, bar = wide * 0.5;

	canvas.width = wide;
	canvas.height = rows.length * line;
	ctx.font = `${14 * scale}px system-ui, sans-serif`;
	ctx.textBaseline = 'middle';
	rows.forEach((row, i) => {
		const fill = row.querySelector('.bar-fill'), y = (i + 0.5) * line;

		ctx.textAlign = 'left';
		ctx.fillStyle = color('--ink');
		ctx.fillText((row.querySelector('.bar-name') || row).textContent, 0, y, name - 8 * scale);
		if (!fill)
			return;
		ctx.textAlign = 'right';
		ctx.fillText(row.querySelector('.bar-value').textContent, wide, y, wide - name - bar - 8 * scale);
		ctx.fillStyle = getComputedStyle(fill).backgroundColor;
		ctx.fillRect(name, y - line * 0.3, bar * parseFloat(fill.style.width) / 100, line * 0.6);
	});
	return canvas;
}

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
