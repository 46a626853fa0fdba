// mdbook takes every `.md` for a page of its own; those above `src` are files of the repository.
document.querySelectorAll('a[href^="../../"][href$=".html"]').forEach(a => { a.href = a.getAttribute('href').replace(/html$/, 'md'); });
