/* picture.js - an SVG of the page as a PNG: with the styles that it has here, drawn onto a canvas. */

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
		ctx.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--surface');
		ctx.fillRect(0, 0, canvas.width, canvas.height);
		ctx.drawImage(image, 0, 0, canvas.width, canvas.height);
		return await new Promise((done) => canvas.toBlob(done));
	} finally {
		URL.revokeObjectURL(url);
	}
}
