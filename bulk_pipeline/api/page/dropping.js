// Files that a person drops or chooses.

/** Whether a dropped thing is a folder; its entry is there only while the event lasts. */
function isFolder(item) {
  return item.webkitGetAsEntry?.()?.isDirectory ?? false;
}

/** Hand on what is dropped on the area or chosen in the field: the files, the folders. */
export function takesDrops(area, field, taken) {
  // A file dropped beside the area must not replace the page.
  window.addEventListener("dragover", (event) => event.preventDefault());
  window.addEventListener("drop", (event) => event.preventDefault());

  area.addEventListener("dragover", () => area.classList.add("over"));
  area.addEventListener("dragleave", () => area.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    area.classList.remove("over");
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const folders = items.filter(isFolder);
    const files = items.filter((item) => !folders.includes(item));
    taken(...[files, folders].map((some) => some.map((item) => item.getAsFile())));
  });
  field.addEventListener("change", () => {
    taken([...field.files], []);
    // The same file chosen again is a change, too.
    field.value = "";
  });
}
