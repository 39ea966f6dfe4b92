<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>Errors</name>
    <message>
        <source>%1 does not exist. Check the path, or whether the file was moved.</source>
        <translation>%1 gibt es nicht. Prüfen Sie den Pfad, oder ob die Datei verschoben wurde.</translation>
    </message>
    <message>
        <source>%1 could not be opened: %2.</source>
        <translation>%1 ließ sich nicht öffnen: %2.</translation>
    </message>
    <message>
        <source>%1 is not a file. Give the path of one image.</source>
        <translation>%1 ist keine Datei. Geben Sie den Pfad eines Bildes an.</translation>
    </message>
    <message>
        <source>%1 is empty (0 bytes).</source>
        <translation>%1 ist leer (0 Byte).</translation>
    </message>
    <message>
        <source>%1 ends too early: %2. The copy may have been interrupted.</source>
        <translation>%1 endet zu früh: %2. Vielleicht wurde das Kopieren unterbrochen.</translation>
    </message>
    <message>
        <source>%1 is not a kind of file that can be read here: %2.</source>
        <translation>%1 hat kein Format, das hier gelesen werden kann: %2.</translation>
    </message>
    <message>
        <source>%1 claims to be %2 but holds %3.</source>
        <translation>%1 gibt sich als %2 aus, enthält aber %3.</translation>
    </message>
    <message>
        <source>%1 is damaged: %2.</source>
        <translation>%1 ist beschädigt: %2.</translation>
    </message>
    <message>
        <source>%1 is too large: it claims %2, and at most %3 is allowed.</source>
        <translation>%1 ist zu groß: angegeben sind %2, erlaubt höchstens %3.</translation>
    </message>
    <message>
        <source>%1 uses something that cannot be read here: %2.</source>
        <translation>%1 verwendet etwas, das hier nicht gelesen werden kann: %2.</translation>
    </message>
    <message>
        <source>%1 was changed by another program since it was read.</source>
        <translation>%1 wurde von einem anderen Programm geändert, seit es gelesen wurde.</translation>
    </message>
    <message>
        <source>%1 could not be written: %2.</source>
        <translation>%1 ließ sich nicht schreiben: %2.</translation>
    </message>
    <message>
        <source>%1 could not be written: the disk is full. Free some space and try again.</source>
        <translation>%1 ließ sich nicht schreiben: der Datenträger ist voll. Schaffen Sie Platz, und versuchen Sie es noch einmal.</translation>
    </message>
    <message>
        <source>%1 cannot be used as a model: %2.</source>
        <translation>%1 ist nicht als Modell zu gebrauchen: %2.</translation>
    </message>
    <message>
        <source>%1 does not fit this network: %2.</source>
        <translation>%1 passt nicht zu diesem Netz: %2.</translation>
    </message>
    <message>
        <source>The model %1 was not found; it was looked for in %2.</source>
        <translation>Das Modell %1 wurde nicht gefunden; gesucht in %2.</translation>
    </message>
    <message>
        <source>The device %1 cannot be used: %2.</source>
        <translation>Das Gerät %1 ist nicht benutzbar: %2.</translation>
    </message>
    <message>
        <source>There is too little memory for %1 (%2).</source>
        <translation>Für %1 ist zu wenig Speicher da (%2).</translation>
    </message>
    <message>
        <source>%1 failed: %2.</source>
        <translation>%1 ist fehlgeschlagen: %2.</translation>
    </message>
    <message>
        <source>The project %1 cannot be read: %2.</source>
        <translation>Das Projekt %1 ist nicht lesbar: %2.</translation>
    </message>
    <message>
        <source>The project %1 was made by a newer version (its schema is %2, this program knows up to %3).</source>
        <translation>Das Projekt %1 stammt von einer neueren Version (sein Schema ist %2, dieses Programm kennt bis %3).</translation>
    </message>
    <message>
        <source>The project %1 is open in another program (%2); it can be read, not changed.</source>
        <translation>Das Projekt %1 ist in einem anderen Programm offen (%2); es lässt sich lesen, nicht ändern.</translation>
    </message>
    <message>
        <source>The project %1 is read-only; changes are kept only in memory.</source>
        <translation>Das Projekt %1 ist schreibgeschützt; Änderungen bleiben nur im Speicher.</translation>
    </message>
    <message>
        <source>%1 was saved by %2 meanwhile. Yours is kept as a second version.</source>
        <translation>%1 wurde inzwischen von %2 gespeichert. Ihre Fassung bleibt als zweite erhalten.</translation>
    </message>
    <message>
        <source>The project %1 is locked by another program at the moment; saving is tried again.</source>
        <translation>Das Projekt %1 ist gerade von einem anderen Programm gesperrt; das Speichern wird wiederholt.</translation>
    </message>
    <message>
        <source>%1 is %2, but must be %3.</source>
        <translation>%1 ist %2, muss aber %3 sein.</translation>
    </message>
    <message>
        <source>%1 was cancelled.</source>
        <translation>%1 wurde abgebrochen.</translation>
    </message>
    <message>
        <source>%1 items failed: %2</source>
        <translation>%1 Teile sind fehlgeschlagen: %2</translation>
    </message>
</context>
<context>
    <name>Notices</name>
    <message>
        <source>The folder cannot be written to, so the project is kept in %1.</source>
        <translation>In den Ordner lässt sich nichts schreiben; das Projekt liegt deshalb in %1.</translation>
    </message>
    <message>
        <source>This project is open elsewhere (%1). You can look at everything; changes stay in memory until it is closed there.</source>
        <translation>Dieses Projekt ist anderswo offen (%1). Sie können alles ansehen; Änderungen bleiben im Speicher, bis es dort geschlossen ist.</translation>
    </message>
    <message>
        <source>%1 is read-only: changes stay in memory until it can be written to.</source>
        <translation>%1 ist schreibgeschützt: Änderungen bleiben im Speicher, bis geschrieben werden kann.</translation>
    </message>
    <message>
        <source>No place was found to keep the project: %1 Everything stays in memory until you save it elsewhere.</source>
        <translation>Für das Projekt fand sich kein Platz: %1 Alles bleibt im Speicher, bis Sie es woanders speichern.</translation>
    </message>
    <message>
        <source>The project file was damaged. What could be read is here; the damaged file was kept as %1.</source>
        <translation>Die Projektdatei war beschädigt. Was lesbar war, ist hier; die beschädigte Datei bleibt als %1 erhalten.</translation>
    </message>
    <message>
        <source>%1 was made by a newer version of this program; it can be looked at, not changed.</source>
        <translation>%1 stammt von einer neueren Version dieses Programms; es lässt sich ansehen, nicht ändern.</translation>
    </message>
    <message>
        <source>%1 of the files could not be read as images. The others are fine.</source>
        <translation>Nicht als Bilder lesbar: %1 der Dateien. Die übrigen sind in Ordnung.</translation>
    </message>
    <message>
        <source>%1 was changed by another program after it was annotated. Check whether the annotation still fits.</source>
        <translation>%1 wurde nach der Annotation von einem anderen Programm geändert. Prüfen Sie, ob die Annotation noch passt.</translation>
    </message>
    <message>
        <source>%1 is no longer where it was. Its annotations are kept.</source>
        <translation>%1 ist nicht mehr an seinem Platz. Seine Annotationen bleiben erhalten.</translation>
    </message>
    <message>
        <source>An image was found again at %1.</source>
        <translation>Ein Bild wurde unter %1 wiedergefunden.</translation>
    </message>
    <message>
        <source>This annotation was saved by %1 meanwhile. Yours is kept as a second version beside it.</source>
        <translation>Diese Annotation wurde inzwischen von %1 gespeichert. Ihre Fassung bleibt als zweite daneben erhalten.</translation>
    </message>
    <message>
        <source>The program ended before everything was in the project file. The last changes (%1) were taken from its journal: nothing is lost.</source>
        <translation>Das Programm endete, bevor alles in der Projektdatei stand. Die letzten Änderungen (%1) wurden aus seinem Journal geholt: nichts ist verloren.</translation>
    </message>
</context>
<context>
    <name>Progress</name>
    <message>
        <source>%1 s left</source>
        <translation>noch %1 s</translation>
    </message>
    <message>
        <source>%1 min left</source>
        <translation>noch %1 min</translation>
    </message>
</context>
<context>
    <name>QObject</name>
    <message>
        <source>Me</source>
        <translation>Ich</translation>
    </message>
</context>
<context>
    <name>States</name>
    <message>
        <source>new</source>
        <translation>neu</translation>
    </message>
    <message>
        <source>proposed</source>
        <translation>vorgeschlagen</translation>
    </message>
    <message>
        <source>in progress</source>
        <translation>in Arbeit</translation>
    </message>
    <message>
        <source>submitted</source>
        <translation>eingereicht</translation>
    </message>
    <message>
        <source>accepted</source>
        <translation>angenommen</translation>
    </message>
    <message>
        <source>rejected</source>
        <translation>abgelehnt</translation>
    </message>
</context>
<context>
    <name>Tools</name>
    <message>
        <source>The image is still being opened.</source>
        <translation>Das Bild wird noch geöffnet.</translation>
    </message>
    <message>
        <source>No effect: a locked label or the rule &quot;over background&quot; protects what is there.</source>
        <translation>Ohne Wirkung: Ein gesperrtes Label oder die Regel „nur über Hintergrund“ schützt, was dort ist.</translation>
    </message>
    <message>
        <source>%1 px</source>
        <translation>%1 px</translation>
    </message>
    <message>
        <source> = %1 mm</source>
        <translation> = %1 mm</translation>
    </message>
    <message>
        <source>Allow it</source>
        <translation>Zulassen</translation>
    </message>
    <message>
        <source>No effect: edits act inside the region alone.</source>
        <translation>Ohne Wirkung: Bearbeitet wird nur innerhalb des Bereichs.</translation>
    </message>
    <message>
        <source>End the region</source>
        <translation>Bereich aufheben</translation>
    </message>
</context>
<context>
    <name>limn::ActivityPanel</name>
    <message>
        <source>Tasks and messages</source>
        <translation>Aufgaben und Meldungen</translation>
    </message>
    <message>
        <source>Nothing is running.</source>
        <translation>Es läuft nichts.</translation>
    </message>
    <message>
        <source>Last proposals, in milliseconds</source>
        <translation>Letzte Vorschläge, in Millisekunden</translation>
    </message>
    <message>
        <source>Last proposals</source>
        <translation>Letzte Vorschläge</translation>
    </message>
    <message>
        <source>Image</source>
        <translation>Bild</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>Gerät</translation>
    </message>
    <message>
        <source>Prepare</source>
        <translation>Vorher</translation>
    </message>
    <message>
        <source>Network</source>
        <translation>Netz</translation>
    </message>
    <message>
        <source>Finish</source>
        <translation>Nachher</translation>
    </message>
    <message>
        <source>Total</source>
        <translation>Gesamt</translation>
    </message>
    <message>
        <source>Tasks</source>
        <translation>Aufgaben</translation>
    </message>
    <message>
        <source>Messages since the start, the newest first</source>
        <translation>Meldungen seit dem Start, die neueste zuerst</translation>
    </message>
    <message>
        <source>Messages</source>
        <translation>Meldungen</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Cancel: %1</source>
        <translation>Abbrechen: %1</translation>
    </message>
    <message>
        <source>%1: made earlier, with these times</source>
        <translation>%1: schon früher gemacht, mit diesen Zeiten</translation>
    </message>
</context>
<context>
    <name>limn::AgreementBar</name>
    <message>
        <source>By hand</source>
        <translation>Von Hand</translation>
    </message>
    <message>
        <source>Leave; decisions made so far are kept</source>
        <translation>Verlassen; was entschieden ist, bleibt</translation>
    </message>
    <message>
        <source>Leave the agreement</source>
        <translation>Einigung verlassen</translation>
    </message>
    <message>
        <source>The two annotations are identical.</source>
        <translation>Die beiden Annotationen sind gleich.</translation>
    </message>
    <message>
        <source>Area %1 of %2, %3 px · %4</source>
        <translation>Bereich %1 von %2, %3 px · %4</translation>
    </message>
    <message>
        <source>all decided</source>
        <translation>alle entschieden</translation>
    </message>
    <message numerus="yes">
        <source>%n open</source>
        <translation>
            <numerusform>%n offen</numerusform>
            <numerusform>%n offen</numerusform>
        </translation>
    </message>
    <message>
        <source>A: %1</source>
        <translation>A: %1</translation>
    </message>
    <message>
        <source>B: %1</source>
        <translation>B: %1</translation>
    </message>
</context>
<context>
    <name>limn::AgreementWork</name>
    <message>
        <source>The two annotations do not have the image&apos;s size.</source>
        <translation>Die beiden Annotationen haben nicht die Größe des Bildes.</translation>
    </message>
</context>
<context>
    <name>limn::BannerBar</name>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <source>Close this message</source>
        <translation>Diese Meldung schließen</translation>
    </message>
</context>
<context>
    <name>limn::CanvasView</name>
    <message>
        <source>%1 mm</source>
        <translation>%1 mm</translation>
    </message>
    <message>
        <source>%1 px</source>
        <translation>%1 px</translation>
    </message>
    <message>
        <source>Divider of the comparison</source>
        <translation>Teiler des Vergleichs</translation>
    </message>
</context>
<context>
    <name>limn::CleanUpBar</name>
    <message>
        <source>Apply (Enter)</source>
        <translation>Anwenden (Eingabe)</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Smooth edge</source>
        <translation>Rand glätten</translation>
    </message>
    <message>
        <source>Remove specks</source>
        <translation>Flecken entfernen</translation>
    </message>
    <message>
        <source>Radius</source>
        <translation>Radius</translation>
    </message>
    <message>
        <source>Smaller than</source>
        <translation>Kleiner als</translation>
    </message>
    <message>
        <source> px</source>
        <translation> px</translation>
    </message>
    <message>
        <source>changes nothing</source>
        <translation>ändert nichts</translation>
    </message>
    <message>
        <source>adds %1 px, removes %2 px</source>
        <translation>fügt %1 px hinzu, nimmt %2 px weg</translation>
    </message>
    <message>
        <source>Fill holes</source>
        <translation>Löcher füllen</translation>
    </message>
    <message>
        <source>Up to</source>
        <translation>Bis zu</translation>
    </message>
    <message>
        <source>any size</source>
        <translation>jede Größe</translation>
    </message>
</context>
<context>
    <name>limn::CommentPanel</name>
    <message>
        <source>Why it is flagged</source>
        <translation>Warum markiert</translation>
    </message>
    <message>
        <source>Why the image is flagged</source>
        <translation>Warum das Bild markiert ist</translation>
    </message>
    <message>
        <source>Add a comment, then Enter</source>
        <translation>Kommentar, dann Eingabe</translation>
    </message>
    <message>
        <source>New comment</source>
        <translation>Neuer Kommentar</translation>
    </message>
</context>
<context>
    <name>limn::CompareBar</name>
    <message>
        <source>A</source>
        <translation>A</translation>
    </message>
    <message>
        <source>B</source>
        <translation>B</translation>
    </message>
    <message>
        <source>Side A of the comparison</source>
        <translation>Seite A des Vergleichs</translation>
    </message>
    <message>
        <source>Side B of the comparison</source>
        <translation>Seite B des Vergleichs</translation>
    </message>
    <message>
        <source>Both</source>
        <translation>Beide</translation>
    </message>
    <message>
        <source>Only A</source>
        <translation>Nur A</translation>
    </message>
    <message>
        <source>Only B</source>
        <translation>Nur B</translation>
    </message>
    <message>
        <source>End the comparison</source>
        <translation>Vergleich beenden</translation>
    </message>
    <message>
        <source>%1 (nothing here)</source>
        <translation>%1 (hier nichts)</translation>
    </message>
    <message>
        <source>Dice %1   IoU %2   HD95 %3 px</source>
        <translation>Dice %1   IoU %2   HD95 %3 px</translation>
    </message>
    <message>
        <source>Both %1 px, only A %2 px, only B %3 px</source>
        <translation>Beide %1 px, nur A %2 px, nur B %3 px</translation>
    </message>
    <message>
        <source>Both sides are empty.</source>
        <translation>Beide Seiten sind leer.</translation>
    </message>
    <message>
        <source>A is empty: there is nothing to compare B with.</source>
        <translation>A ist leer: Für B gibt es nichts zu vergleichen.</translation>
    </message>
    <message>
        <source>B is empty: there is nothing to compare A with.</source>
        <translation>B ist leer: Für A gibt es nichts zu vergleichen.</translation>
    </message>
</context>
<context>
    <name>limn::Comparison</name>
    <message>
        <source>Annotation</source>
        <translation>Annotation</translation>
    </message>
    <message>
        <source>Proposal</source>
        <translation>Vorschlag</translation>
    </message>
    <message>
        <source>Image</source>
        <translation>Bild</translation>
    </message>
    <message>
        <source>%1, version %2</source>
        <translation>%1, Fassung %2</translation>
    </message>
    <message>
        <source>%1, %2 (%3)</source>
        <translation>%1, %2 (%3)</translation>
    </message>
</context>
<context>
    <name>limn::ExportDialog</name>
    <message>
        <source>Export</source>
        <translation>Exportieren</translation>
    </message>
    <message>
        <source>Accepted images</source>
        <translation>Angenommene Bilder</translation>
    </message>
    <message>
        <source>Accepted and submitted images</source>
        <translation>Angenommene und eingereichte Bilder</translation>
    </message>
    <message>
        <source>Choose…</source>
        <translation>Wählen…</translation>
    </message>
    <message>
        <source>Open folder</source>
        <translation>Ordner öffnen</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <source>Export into</source>
        <translation>Exportieren nach</translation>
    </message>
    <message numerus="yes">
        <source>%n images</source>
        <translation>
            <numerusform>%n Bild</numerusform>
            <numerusform>%n Bilder</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n files</source>
        <translation>
            <numerusform>%n Datei</numerusform>
            <numerusform>%n Dateien</numerusform>
        </translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Masks, 0 and 255</source>
        <translation>Masken, 0 und 255</translation>
    </message>
    <message>
        <source>Label maps</source>
        <translation>Label-Karten</translation>
    </message>
    <message>
        <source>Table of labels and states</source>
        <translation>Tabelle der Labels und Zustände</translation>
    </message>
    <message>
        <source>COCO</source>
        <translation>COCO</translation>
    </message>
    <message>
        <source>labelme</source>
        <translation>labelme</translation>
    </message>
    <message>
        <source>YOLO segmentation</source>
        <translation>YOLO-Segmentierung</translation>
    </message>
    <message>
        <source>Overlays</source>
        <translation>Bilder mit Umriss</translation>
    </message>
    <message>
        <source>Images without metadata</source>
        <translation>Bilder ohne Metadaten</translation>
    </message>
    <message>
        <source>One PNG per image: 255 inside any label, 0 elsewhere, as in the ISIC archive</source>
        <translation>Ein PNG je Bild: 255 innerhalb eines Labels, sonst 0, wie im ISIC-Archiv</translation>
    </message>
    <message>
        <source>One PNG per image with the labels&apos; values</source>
        <translation>Ein PNG je Bild mit den Werten der Labels</translation>
    </message>
    <message>
        <source>coco.json for all images: polygons, or run lengths where there are holes</source>
        <translation>coco.json für alle Bilder: Polygone, bei Löchern Lauflängen</translation>
    </message>
    <message>
        <source>One JSON file per image, as labelme reads it</source>
        <translation>Eine JSON-Datei je Bild, wie labelme sie liest</translation>
    </message>
    <message>
        <source>Polygons in text files with data.yaml</source>
        <translation>Polygone in Textdateien mit data.yaml</translation>
    </message>
    <message>
        <source>One JPEG per image with the outlines drawn in</source>
        <translation>Ein JPEG je Bild mit eingezeichneten Umrissen</translation>
    </message>
    <message>
        <source>The image as it is shown, as PNG, without EXIF or other metadata</source>
        <translation>Das Bild, wie es gezeigt wird, als PNG, ohne EXIF oder andere Metadaten</translation>
    </message>
    <message>
        <source>written</source>
        <translation>geschrieben</translation>
    </message>
    <message>
        <source>already there, skipped</source>
        <translation>war da, übergangen</translation>
    </message>
    <message>
        <source>no annotation</source>
        <translation>keine Annotation</translation>
    </message>
    <message>
        <source>not written</source>
        <translation>nicht geschrieben</translation>
    </message>
    <message>
        <source>not reached</source>
        <translation>nicht erreicht</translation>
    </message>
    <message>
        <source>Copy as limn-cli</source>
        <translation>Als limn-cli kopieren</translation>
    </message>
    <message>
        <source>The command that writes the same files without the window</source>
        <translation>Der Befehl, der ohne Fenster dieselben Dateien schreibt</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>Zurück</translation>
    </message>
    <message>
        <source>Retry these</source>
        <translation>Diese wiederholen</translation>
    </message>
    <message>
        <source>The command is on the clipboard.</source>
        <translation>Der Befehl liegt in der Zwischenablage.</translation>
    </message>
    <message>
        <source>Preset</source>
        <translation>Vorlage</translation>
    </message>
    <message>
        <source>Save as…</source>
        <translation>Speichern als…</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>Entfernen</translation>
    </message>
    <message>
        <source>Listed images (%1)</source>
        <translation>Bilder der Liste (%1)</translation>
    </message>
    <message>
        <source>Selected images (%1)</source>
        <translation>Ausgewählte Bilder (%1)</translation>
    </message>
    <message>
        <source>All images</source>
        <translation>Alle Bilder</translation>
    </message>
    <message>
        <source>The agreed one, else the last edited</source>
        <translation>Die vereinbarte, sonst die zuletzt bearbeitete</translation>
    </message>
    <message>
        <source>Whose annotation</source>
        <translation>Wessen Annotation</translation>
    </message>
    <message>
        <source>All labels</source>
        <translation>Alle Labels</translation>
    </message>
    <message>
        <source>Only %1</source>
        <translation>Nur %1</translation>
    </message>
    <message>
        <source>Labels</source>
        <translation>Labels</translation>
    </message>
    <message>
        <source>NAME_mask.png</source>
        <translation>NAME_mask.png</translation>
    </message>
    <message>
        <source>NAME_segmentation.png, as in the ISIC archive</source>
        <translation>NAME_segmentation.png, wie im ISIC-Archiv</translation>
    </message>
    <message>
        <source>masks/NAME.png, a folder for each format</source>
        <translation>masks/NAME.png, ein Ordner je Format</translation>
    </message>
    <message>
        <source>same as the images</source>
        <translation>wie die Bilder</translation>
    </message>
    <message>
        <source> px, longest side</source>
        <translation> px, längste Seite</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Größe</translation>
    </message>
    <message>
        <source>Without names of people, notes and times</source>
        <translation>Ohne Namen von Personen, Notizen und Zeiten</translation>
    </message>
    <message>
        <source>COCO, labelme: one object per label, not per part</source>
        <translation>COCO, labelme: ein Objekt je Label, nicht je Teil</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>Ordner</translation>
    </message>
    <message>
        <source>Replace them</source>
        <translation>Ersetzen</translation>
    </message>
    <message>
        <source>Keep and skip them</source>
        <translation>Behalten und überspringen</translation>
    </message>
    <message>
        <source>Keep them, export into a new folder</source>
        <translation>Behalten, in einen neuen Ordner exportieren</translation>
    </message>
    <message>
        <source>Existing files</source>
        <translation>Vorhandene Dateien</translation>
    </message>
    <message>
        <source>Progress of the export</source>
        <translation>Fortschritt des Exports</translation>
    </message>
    <message>
        <source>Show only what was not written</source>
        <translation>Nur zeigen, was nicht geschrieben wurde</translation>
    </message>
    <message>
        <source>Result for each image</source>
        <translation>Ergebnis für jedes Bild</translation>
    </message>
    <message>
        <source>Image</source>
        <translation>Bild</translation>
    </message>
    <message>
        <source>State</source>
        <translation>Zustand</translation>
    </message>
    <message>
        <source>Result</source>
        <translation>Ergebnis</translation>
    </message>
    <message>
        <source>Reason</source>
        <translation>Grund</translation>
    </message>
    <message>
        <source>Choose at least one format.</source>
        <translation>Wählen Sie mindestens ein Format.</translation>
    </message>
    <message>
        <source>Choose a folder.</source>
        <translation>Wählen Sie einen Ordner.</translation>
    </message>
    <message>
        <source>about %1</source>
        <translation>etwa %1</translation>
    </message>
    <message numerus="yes">
        <source>%n left out</source>
        <translation>
            <numerusform>%n ausgelassen</numerusform>
            <numerusform>%n ausgelassen</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n without annotation</source>
        <translation>
            <numerusform>%n ohne Annotation</numerusform>
            <numerusform>%n ohne Annotation</numerusform>
        </translation>
    </message>
    <message>
        <source>Same as last time</source>
        <translation>Wie beim letzten Mal</translation>
    </message>
    <message>
        <source>Name of the preset</source>
        <translation>Name der Vorlage</translation>
    </message>
    <message>
        <source>Exporting…</source>
        <translation>Export läuft…</translation>
    </message>
    <message>
        <source>%1 of %2 images, %3 files, %4</source>
        <translation>%1 von %2 Bildern, %3 Dateien, %4</translation>
    </message>
    <message numerus="yes">
        <source>%n not written</source>
        <translation>
            <numerusform>%n nicht geschrieben</numerusform>
            <numerusform>%n nicht geschrieben</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n written</source>
        <translation>
            <numerusform>%n geschrieben</numerusform>
            <numerusform>%n geschrieben</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n not</source>
        <translation>
            <numerusform>%n nicht</numerusform>
            <numerusform>%n nicht</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n skipped</source>
        <translation>
            <numerusform>%n übergangen</numerusform>
            <numerusform>%n übergangen</numerusform>
        </translation>
    </message>
    <message>
        <source>Stopped. Files already written are complete and stay.</source>
        <translation>Angehalten. Geschriebene Dateien sind vollständig und bleiben.</translation>
    </message>
    <message>
        <source>Probability maps</source>
        <translation>Wahrscheinlichkeitskarten</translation>
    </message>
    <message>
        <source>annotations.csv: a row for each label of each image, with state, area, shape, people and models</source>
        <translation>annotations.csv: eine Zeile je Label und Bild, mit Zustand, Fläche, Form, Personen und Modellen</translation>
    </message>
    <message>
        <source>One 16-bit PNG per image: the model&apos;s probability times 65535, also for images that nobody has annotated</source>
        <translation>Ein PNG mit 16 Bit je Bild: die Wahrscheinlichkeit des Modells mal 65535, auch von Bildern, die niemand annotiert hat</translation>
    </message>
    <message>
        <source>The list is empty: no image matches its filter.</source>
        <translation>Die Liste ist leer: kein Bild entspricht dem Filter.</translation>
    </message>
    <message>
        <source>No image is selected in the list.</source>
        <translation>In der Liste ist kein Bild ausgewählt.</translation>
    </message>
    <message>
        <source>No image is accepted yet. Accept some, or choose other images above.</source>
        <translation>Noch ist kein Bild angenommen. Nehmen Sie welche an, oder wählen Sie oben andere Bilder.</translation>
    </message>
    <message>
        <source>Images</source>
        <translation>Bilder</translation>
    </message>
    <message>
        <source>Formats</source>
        <translation>Formate</translation>
    </message>
    <message>
        <source>File names</source>
        <translation>Dateinamen</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>Speichern</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>Threshold</source>
        <translation>Schwelle</translation>
    </message>
    <message>
        <source>Source of millimetres</source>
        <translation>Herkunft der Millimeter</translation>
    </message>
    <message numerus="yes">
        <source>%n not accepted left out</source>
        <translation>
            <numerusform>%n nicht angenommenes ausgelassen</numerusform>
            <numerusform>%n nicht angenommene ausgelassen</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n neither accepted nor submitted left out</source>
        <translation>
            <numerusform>%n weder angenommenes noch eingereichtes ausgelassen</numerusform>
            <numerusform>%n weder angenommene noch eingereichte ausgelassen</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n empty</source>
        <translation>
            <numerusform>%n leeres</numerusform>
            <numerusform>%n leere</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>limn::HistogramView</name>
    <message>
        <source>Histogram of the proposal&apos;s probabilities</source>
        <translation>Histogramm der Wahrscheinlichkeiten des Vorschlags</translation>
    </message>
</context>
<context>
    <name>limn::HistoryPanel</name>
    <message>
        <source>edited</source>
        <translation>bearbeitet</translation>
    </message>
    <message>
        <source>added to the project</source>
        <translation>dem Projekt hinzugefügt</translation>
    </message>
    <message>
        <source>flag removed</source>
        <translation>Markierung entfernt</translation>
    </message>
    <message>
        <source>flagged</source>
        <translation>markiert</translation>
    </message>
    <message>
        <source>file moved</source>
        <translation>Datei verschoben</translation>
    </message>
    <message>
        <source>&lt;b&gt;%1&lt;/b&gt;&lt;br&gt;&lt;span&gt;%2&lt;/span&gt;</source>
        <translation>&lt;b&gt;%1&lt;/b&gt;&lt;br&gt;&lt;span&gt;%2&lt;/span&gt;</translation>
    </message>
    <message>
        <source>Restore</source>
        <translation>Wiederherstellen</translation>
    </message>
    <message>
        <source>Nothing yet.</source>
        <translation>Noch nichts.</translation>
    </message>
    <message>
        <source>version restored</source>
        <translation>Fassung wiederhergestellt</translation>
    </message>
    <message>
        <source>The version was restored; undo brings back what was there.</source>
        <translation>Die Fassung ist wiederhergestellt; Rückgängig bringt zurück, was da war.</translation>
    </message>
    <message>
        <source>Compare</source>
        <translation>Vergleichen</translation>
    </message>
    <message>
        <source>Compare with %1</source>
        <translation>Vergleichen mit %1</translation>
    </message>
    <message>
        <source>Restore %1</source>
        <translation>%1 wiederherstellen</translation>
    </message>
    <message>
        <source>Annotation: %1</source>
        <translation>Annotation: %1</translation>
    </message>
    <message>
        <source>Second version: %1</source>
        <translation>Zweite Fassung: %1</translation>
    </message>
    <message>
        <source>Also annotated by %1; shown when both have submitted.</source>
        <translation>Auch von %1 annotiert; sichtbar, wenn beide eingereicht haben.</translation>
    </message>
    <message>
        <source>Version: %1</source>
        <translation>Fassung: %1</translation>
    </message>
    <message>
        <source>no longer assigned</source>
        <translation>nicht mehr zugewiesen</translation>
    </message>
    <message>
        <source>assigned to %1</source>
        <translation>%1 zugewiesen</translation>
    </message>
    <message>
        <source>calibrated</source>
        <translation>kalibriert</translation>
    </message>
    <message>
        <source>calibration removed</source>
        <translation>Kalibrierung entfernt</translation>
    </message>
    <message>
        <source>kept as a second version</source>
        <translation>als zweite Fassung behalten</translation>
    </message>
    <message numerus="yes">
        <source>Show %n earlier</source>
        <translation>
            <numerusform>%n frühere zeigen</numerusform>
            <numerusform>%n frühere zeigen</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>limn::ImageVersions</name>
    <message>
        <source>Agreed</source>
        <translation>Vereinbart</translation>
    </message>
    <message>
        <source>Somebody</source>
        <translation>Jemand</translation>
    </message>
</context>
<context>
    <name>limn::KeysDialog</name>
    <message>
        <source>Keys</source>
        <translation>Tasten</translation>
    </message>
    <message>
        <source>Search commands and keys</source>
        <translation>Befehle und Tasten suchen</translation>
    </message>
    <message>
        <source>Command</source>
        <translation>Befehl</translation>
    </message>
    <message>
        <source>New key:</source>
        <translation>Neue Taste:</translation>
    </message>
    <message>
        <source>Set</source>
        <translation>Setzen</translation>
    </message>
    <message>
        <source>Swap</source>
        <translation>Tauschen</translation>
    </message>
    <message>
        <source>No key</source>
        <translation>Keine Taste</translation>
    </message>
    <message>
        <source>Choose a command, then press its new key.</source>
        <translation>Einen Befehl wählen, dann seine neue Taste drücken.</translation>
    </message>
    <message>
        <source>Reset all</source>
        <translation>Alle zurücksetzen</translation>
    </message>
    <message>
        <source>Import…</source>
        <translation>Importieren…</translation>
    </message>
    <message>
        <source>Export…</source>
        <translation>Exportieren…</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <source>Export keys</source>
        <translation>Tasten exportieren</translation>
    </message>
    <message>
        <source>JSON (*.json)</source>
        <translation>JSON (*.json)</translation>
    </message>
    <message>
        <source>%1 could not be written: %2</source>
        <translation>%1 konnte nicht geschrieben werden: %2</translation>
    </message>
    <message>
        <source>Import keys</source>
        <translation>Tasten importieren</translation>
    </message>
    <message>
        <source>%1 contains no keys of Limn.</source>
        <translation>%1 enthält keine Tasten von Limn.</translation>
    </message>
    <message>
        <source>%1 is already used for &quot;%2&quot;.</source>
        <translation>%1 wird bereits für „%2“ verwendet.</translation>
    </message>
    <message>
        <source>Commands and their keys</source>
        <translation>Befehle und ihre Tasten</translation>
    </message>
    <message>
        <source>New key</source>
        <translation>Neue Taste</translation>
    </message>
    <message>
        <source>Press the new key</source>
        <translation>Die neue Taste drücken</translation>
    </message>
</context>
<context>
    <name>limn::LabelPanel</name>
    <message>
        <source>Add a label</source>
        <translation>Label hinzufügen</translation>
    </message>
    <message>
        <source>Label %1</source>
        <translation>Label %1</translation>
    </message>
    <message>
        <source>Press %1 to choose this label</source>
        <translation>%1 wählt dieses Label</translation>
    </message>
    <message>
        <source>Colour</source>
        <translation>Farbe</translation>
    </message>
    <message>
        <source>Colour of %1</source>
        <translation>Farbe von %1</translation>
    </message>
    <message>
        <source>Hide</source>
        <translation>Ausblenden</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>Einblenden</translation>
    </message>
    <message>
        <source>Unlock</source>
        <translation>Entsperren</translation>
    </message>
    <message>
        <source>Lock</source>
        <translation>Sperren</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>Entfernen</translation>
    </message>
    <message>
        <source>This label is in use and stays: clear its area first.</source>
        <translation>Dieses Label wird verwendet und bleibt: erst seine Fläche leeren.</translation>
    </message>
    <message>
        <source>Name of the label</source>
        <translation>Name des Labels</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>Umbenennen</translation>
    </message>
</context>
<context>
    <name>limn::MainWindow</name>
    <message>
        <source>Limn</source>
        <translation>Limn</translation>
    </message>
    <message>
        <source>The proposal was used first, then your stroke was drawn.</source>
        <translation>Zuerst wurde der Vorschlag übernommen, dann Ihr Strich gezeichnet.</translation>
    </message>
    <message>
        <source>Undo both</source>
        <translation>Beides rückgängig</translation>
    </message>
    <message>
        <source>Canvas</source>
        <translation>Zeichenfläche</translation>
    </message>
    <message>
        <source>Second side of the comparison</source>
        <translation>Zweite Seite des Vergleichs</translation>
    </message>
    <message>
        <source>Next image</source>
        <translation>Nächstes Bild</translation>
    </message>
    <message>
        <source>Show file</source>
        <translation>Datei zeigen</translation>
    </message>
    <message>
        <source>Labels</source>
        <translation>Labels</translation>
    </message>
    <message>
        <source>Proposal</source>
        <translation>Vorschlag</translation>
    </message>
    <message>
        <source>Measure</source>
        <translation>Maße</translation>
    </message>
    <message>
        <source>History</source>
        <translation>Verlauf</translation>
    </message>
    <message>
        <source>Reject</source>
        <translation>Ablehnen</translation>
    </message>
    <message>
        <source>Zoom: 100 % and back to the whole image (Z)</source>
        <translation>Zoom: 100 % und zurück zum ganzen Bild (Z)</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>by %1, %2</source>
        <translation>von %1, %2</translation>
    </message>
    <message>
        <source>Open another folder</source>
        <translation>Anderen Ordner öffnen</translation>
    </message>
    <message>
        <source>Rejected: %1</source>
        <translation>Abgelehnt: %1</translation>
    </message>
    <message>
        <source>All images are decided.</source>
        <translation>Alle Bilder sind entschieden.</translation>
    </message>
    <message numerus="yes">
        <source>Export %n</source>
        <translation>
            <numerusform>%n exportieren</numerusform>
            <numerusform>%n exportieren</numerusform>
        </translation>
    </message>
    <message>
        <source>%1 was rejected.</source>
        <translation>%1 wurde abgelehnt.</translation>
    </message>
    <message>
        <source>%1 was submitted.</source>
        <translation>%1 wurde eingereicht.</translation>
    </message>
    <message>
        <source>%1 was accepted.</source>
        <translation>%1 wurde angenommen.</translation>
    </message>
    <message>
        <source>Take back</source>
        <translation>Zurücknehmen</translation>
    </message>
    <message>
        <source>Show them</source>
        <translation>Anzeigen</translation>
    </message>
    <message>
        <source>Files that were left out</source>
        <translation>Ausgelassene Dateien</translation>
    </message>
    <message numerus="yes">
        <source>%n files could not be used.</source>
        <translation>
            <numerusform>%n Datei war nicht zu gebrauchen.</numerusform>
            <numerusform>%n Dateien waren nicht zu gebrauchen.</numerusform>
        </translation>
    </message>
    <message>
        <source>Edits are not saved</source>
        <translation>Änderungen sind nicht gespeichert</translation>
    </message>
    <message>
        <source>%1 They stay in memory only as long as the program runs.</source>
        <translation>%1 Sie bleiben nur im Speicher, solange das Programm läuft.</translation>
    </message>
    <message>
        <source>Save elsewhere…</source>
        <translation>Woanders speichern…</translation>
    </message>
    <message>
        <source>Quit and lose them</source>
        <translation>Beenden und verlieren</translation>
    </message>
    <message>
        <source>Keep working</source>
        <translation>Weiterarbeiten</translation>
    </message>
    <message>
        <source>Window</source>
        <translation>Fenster</translation>
    </message>
    <message>
        <source>Mask</source>
        <translation>Maske</translation>
    </message>
    <message>
        <source>Tools</source>
        <translation>Werkzeuge</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>View</source>
        <translation>Ansicht</translation>
    </message>
    <message>
        <source>Move</source>
        <translation>Bewegen</translation>
    </message>
    <message>
        <source>Decide</source>
        <translation>Entscheiden</translation>
    </message>
    <message>
        <source>Open &amp;folder…</source>
        <translation>&amp;Ordner öffnen…</translation>
    </message>
    <message>
        <source>Open &amp;images…</source>
        <translation>&amp;Bilder öffnen…</translation>
    </message>
    <message>
        <source>Open &amp;project…</source>
        <translation>&amp;Projekt öffnen…</translation>
    </message>
    <message>
        <source>Try &amp;demo images</source>
        <translation>&amp;Demobilder ansehen</translation>
    </message>
    <message>
        <source>&amp;Close project</source>
        <translation>Projekt s&amp;chließen</translation>
    </message>
    <message>
        <source>&amp;Save now</source>
        <translation>Jetzt &amp;speichern</translation>
    </message>
    <message>
        <source>Everything is saved; Limn saves by itself.</source>
        <translation>Alles ist gespeichert; Limn speichert von selbst.</translation>
    </message>
    <message>
        <source>Saving…</source>
        <translation>Wird gespeichert…</translation>
    </message>
    <message>
        <source>Save project &amp;elsewhere…</source>
        <translation>Projekt &amp;woanders speichern…</translation>
    </message>
    <message>
        <source>Save project elsewhere</source>
        <translation>Projekt woanders speichern</translation>
    </message>
    <message>
        <source>Limn projects (*.limn)</source>
        <translation>Limn-Projekte (*.limn)</translation>
    </message>
    <message>
        <source>The project continues at its new place.</source>
        <translation>Das Projekt geht an seinem neuen Ort weiter.</translation>
    </message>
    <message>
        <source>E&amp;xport…</source>
        <translation>E&amp;xportieren…</translation>
    </message>
    <message>
        <source>Open images first: there is nothing to export yet.</source>
        <translation>Erst Bilder öffnen: Es gibt noch nichts zu exportieren.</translation>
    </message>
    <message>
        <source>&amp;Find image</source>
        <translation>Bild &amp;suchen</translation>
    </message>
    <message>
        <source>Next pane</source>
        <translation>Nächster Bereich</translation>
    </message>
    <message>
        <source>Previous pane</source>
        <translation>Voriger Bereich</translation>
    </message>
    <message>
        <source>&amp;Keys…</source>
        <translation>&amp;Tasten…</translation>
    </message>
    <message>
        <source>Side &amp;panels</source>
        <translation>Seiten&amp;leiste</translation>
    </message>
    <message>
        <source>F&amp;ull screen</source>
        <translation>&amp;Vollbild</translation>
    </message>
    <message>
        <source>Reset &amp;layout</source>
        <translation>&amp;Anordnung zurücksetzen</translation>
    </message>
    <message>
        <source>Se&amp;ttings…</source>
        <translation>&amp;Einstellungen…</translation>
    </message>
    <message>
        <source>&amp;About Limn</source>
        <translation>Ü&amp;ber Limn</translation>
    </message>
    <message>
        <source>About Limn</source>
        <translation>Über Limn</translation>
    </message>
    <message>
        <source>&lt;h3&gt;Limn 0.1&lt;/h3&gt;&lt;p&gt;Review and correction of segmentations of dermoscopy and endoscopy images.&lt;/p&gt;&lt;p&gt;Limn assists; it makes no diagnosis. It sends nothing over any network.&lt;/p&gt;&lt;p&gt;Free software under the GNU General Public License, version 3 or later.&lt;/p&gt;</source>
        <translation>&lt;h3&gt;Limn 0.1&lt;/h3&gt;&lt;p&gt;Prüfen und Korrigieren von Segmentierungen dermatoskopischer und endoskopischer Bilder.&lt;/p&gt;&lt;p&gt;Limn unterstützt; es stellt keine Diagnose. Es sendet nichts über ein Netzwerk.&lt;/p&gt;&lt;p&gt;Freie Software unter der GNU General Public License, Version 3 oder später.&lt;/p&gt;</translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation>&amp;Beenden</translation>
    </message>
    <message>
        <source>Brush</source>
        <translation>Pinsel</translation>
    </message>
    <message>
        <source>Eraser</source>
        <translation>Radierer</translation>
    </message>
    <message>
        <source>Lasso</source>
        <translation>Lasso</translation>
    </message>
    <message>
        <source>Polygon</source>
        <translation>Polygon</translation>
    </message>
    <message>
        <source>Wand</source>
        <translation>Zauberstab</translation>
    </message>
    <message>
        <source>Contour</source>
        <translation>Kontur</translation>
    </message>
    <message>
        <source>Region</source>
        <translation>Bereich</translation>
    </message>
    <message>
        <source>Ruler</source>
        <translation>Lineal</translation>
    </message>
    <message>
        <source>Smaller tool</source>
        <translation>Kleineres Werkzeug</translation>
    </message>
    <message>
        <source>Larger tool</source>
        <translation>Größeres Werkzeug</translation>
    </message>
    <message>
        <source>Label %1</source>
        <translation>Label %1</translation>
    </message>
    <message>
        <source>&amp;Undo</source>
        <translation>&amp;Rückgängig</translation>
    </message>
    <message>
        <source>&amp;Redo</source>
        <translation>&amp;Wiederholen</translation>
    </message>
    <message>
        <source>&amp;Keep largest part</source>
        <translation>&amp;Größten Teil behalten</translation>
    </message>
    <message>
        <source>&amp;Clean: largest part, holes filled</source>
        <translation>&amp;Säubern: größter Teil, Löcher gefüllt</translation>
    </message>
    <message>
        <source>Clear &amp;label</source>
        <translation>&amp;Label leeren</translation>
    </message>
    <message>
        <source>Mark as &amp;no lesion</source>
        <translation>Als „&amp;keine Läsion“ markieren</translation>
    </message>
    <message>
        <source>No effect: a locked label is in the way.</source>
        <translation>Ohne Wirkung: Ein gesperrtes Label steht im Weg.</translation>
    </message>
    <message>
        <source>Copy &amp;measurements</source>
        <translation>&amp;Maße kopieren</translation>
    </message>
    <message>
        <source>&amp;Threshold</source>
        <translation>&amp;Schwelle</translation>
    </message>
    <message>
        <source>There is no proposal whose threshold could be moved.</source>
        <translation>Es gibt keinen Vorschlag, dessen Schwelle sich verschieben ließe.</translation>
    </message>
    <message>
        <source>&amp;Use proposal</source>
        <translation>Vorschlag &amp;übernehmen</translation>
    </message>
    <message>
        <source>&amp;Probability layer</source>
        <translation>&amp;Wahrscheinlichkeiten</translation>
    </message>
    <message>
        <source>&amp;Run model</source>
        <translation>Modell a&amp;usführen</translation>
    </message>
    <message>
        <source>No model was found; the Proposal panel says where model files belong.</source>
        <translation>Kein Modell gefunden; unter „Vorschlag“ steht, wohin Modelldateien gehören.</translation>
    </message>
    <message>
        <source>Run model in the &amp;region</source>
        <translation>Modell im &amp;Bereich ausführen</translation>
    </message>
    <message>
        <source>The model was trained on whole images; a part of one may look different to it.</source>
        <translation>Das Modell wurde an ganzen Bildern trainiert: Ein Ausschnitt kann ihm anders erscheinen.</translation>
    </message>
    <message>
        <source>Run model on &amp;all listed images</source>
        <translation>Modell auf &amp;alle gelisteten Bilder anwenden</translation>
    </message>
    <message>
        <source>&amp;Stop running</source>
        <translation>A&amp;nhalten</translation>
    </message>
    <message>
        <source>Outline or fill</source>
        <translation>Umriss oder Füllung</translation>
    </message>
    <message>
        <source>Outline</source>
        <translation>Umriss</translation>
    </message>
    <message>
        <source>Outline and fill</source>
        <translation>Umriss und Füllung</translation>
    </message>
    <message>
        <source>Fill</source>
        <translation>Füllung</translation>
    </message>
    <message>
        <source>Pixel read-out</source>
        <translation>Pixelwerte</translation>
    </message>
    <message>
        <source>One image</source>
        <translation>Ein Bild</translation>
    </message>
    <message>
        <source>Side by side</source>
        <translation>Nebeneinander</translation>
    </message>
    <message>
        <source>Swipe</source>
        <translation>Schieber</translation>
    </message>
    <message>
        <source>Difference</source>
        <translation>Unterschied</translation>
    </message>
    <message>
        <source>Next comparison</source>
        <translation>Nächster Vergleich</translation>
    </message>
    <message>
        <source>Previous comparison</source>
        <translation>Voriger Vergleich</translation>
    </message>
    <message>
        <source>Grid of images</source>
        <translation>Bilder als Raster</translation>
    </message>
    <message>
        <source>Switch between 100 % and whole image</source>
        <translation>Zwischen 100 % und ganzem Bild wechseln</translation>
    </message>
    <message>
        <source>100 %</source>
        <translation>100 %</translation>
    </message>
    <message>
        <source>Whole image</source>
        <translation>Ganzes Bild</translation>
    </message>
    <message>
        <source>Zoom in</source>
        <translation>Vergrößern</translation>
    </message>
    <message>
        <source>Zoom out</source>
        <translation>Verkleinern</translation>
    </message>
    <message>
        <source>hold H</source>
        <translation>H halten</translation>
    </message>
    <message>
        <source>Image without outlines</source>
        <translation>Bild ohne Umrisse</translation>
    </message>
    <message>
        <source>hold Q</source>
        <translation>Q halten</translation>
    </message>
    <message>
        <source>Proposal instead of annotation</source>
        <translation>Vorschlag statt Annotation</translation>
    </message>
    <message>
        <source>hold Space</source>
        <translation>Leertaste halten</translation>
    </message>
    <message>
        <source>Pan</source>
        <translation>Verschieben</translation>
    </message>
    <message>
        <source>hold T + wheel</source>
        <translation>T halten + Rad</translation>
    </message>
    <message>
        <source>Move the threshold</source>
        <translation>Schwelle verschieben</translation>
    </message>
    <message>
        <source>Shift + wheel</source>
        <translation>Umschalt + Rad</translation>
    </message>
    <message>
        <source>Tool size</source>
        <translation>Werkzeuggröße</translation>
    </message>
    <message>
        <source>Ctrl or right button</source>
        <translation>Strg oder rechte Taste</translation>
    </message>
    <message>
        <source>The opposite: subtract instead of add</source>
        <translation>Das Gegenteil: abziehen statt hinzufügen</translation>
    </message>
    <message>
        <source>Enter, Esc, Backspace</source>
        <translation>Eingabe, Esc, Rücktaste</translation>
    </message>
    <message>
        <source>Finish a gesture, drop it, go one step back</source>
        <translation>Geste beenden, verwerfen, einen Schritt zurück</translation>
    </message>
    <message>
        <source>&amp;Next image</source>
        <translation>&amp;Nächstes Bild</translation>
    </message>
    <message>
        <source>&amp;Previous image</source>
        <translation>&amp;Voriges Bild</translation>
    </message>
    <message>
        <source>Next &amp;undone image</source>
        <translation>Nächstes &amp;offenes Bild</translation>
    </message>
    <message>
        <source>Previous un&amp;done image</source>
        <translation>Voriges o&amp;ffenes Bild</translation>
    </message>
    <message>
        <source>&amp;Show file</source>
        <translation>&amp;Datei zeigen</translation>
    </message>
    <message>
        <source>&amp;Accept and next</source>
        <translation>&amp;Annehmen und weiter</translation>
    </message>
    <message>
        <source>&amp;Reject…</source>
        <translation>Ab&amp;lehnen…</translation>
    </message>
    <message>
        <source>&amp;Take back the last decision</source>
        <translation>Letzte Entscheidung &amp;zurücknehmen</translation>
    </message>
    <message>
        <source>There is no decision to take back.</source>
        <translation>Es gibt keine Entscheidung zurückzunehmen.</translation>
    </message>
    <message>
        <source>&amp;Flag</source>
        <translation>&amp;Markieren</translation>
    </message>
    <message>
        <source>&amp;File</source>
        <translation>&amp;Datei</translation>
    </message>
    <message>
        <source>&amp;Recent</source>
        <translation>&amp;Zuletzt</translation>
    </message>
    <message>
        <source>&amp;Edit</source>
        <translation>&amp;Bearbeiten</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>&amp;Ansicht</translation>
    </message>
    <message>
        <source>&amp;Image</source>
        <translation>B&amp;ild</translation>
    </message>
    <message>
        <source>&amp;Model</source>
        <translation>&amp;Modell</translation>
    </message>
    <message>
        <source>&amp;Tools</source>
        <translation>&amp;Werkzeuge</translation>
    </message>
    <message>
        <source>&amp;Review</source>
        <translation>&amp;Prüfung</translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation>&amp;Hilfe</translation>
    </message>
    <message>
        <source>Open a folder of images</source>
        <translation>Ordner mit Bildern öffnen</translation>
    </message>
    <message>
        <source>Open images</source>
        <translation>Bilder öffnen</translation>
    </message>
    <message>
        <source>Images (*.png *.jpg *.jpeg *.tif *.tiff *.bmp *.nrrd *.mha *.mhd *.dcm);;All files (*)</source>
        <translation>Bilder (*.png *.jpg *.jpeg *.tif *.tiff *.bmp *.nrrd *.mha *.mhd *.dcm);;Alle Dateien (*)</translation>
    </message>
    <message>
        <source>Open a project</source>
        <translation>Projekt öffnen</translation>
    </message>
    <message>
        <source>The demo images are not installed: the folder &quot;demo&quot; is missing beside the program. Open a folder of your own instead.</source>
        <translation>Die Demobilder sind nicht installiert: Der Ordner „demo“ fehlt neben dem Programm. Öffnen Sie stattdessen einen eigenen Ordner.</translation>
    </message>
    <message>
        <source>Open folder</source>
        <translation>Ordner öffnen</translation>
    </message>
    <message>
        <source>Open %1</source>
        <translation>%1 öffnen</translation>
    </message>
    <message numerus="yes">
        <source>Add %n images</source>
        <translation>
            <numerusform>%n Bild hinzufügen</numerusform>
            <numerusform>%n Bilder hinzufügen</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n dropped: add to this project, or open as a new one?</source>
        <translation>
            <numerusform>%n fallen gelassen: diesem Projekt hinzufügen oder als neues öffnen?</numerusform>
            <numerusform>%n fallen gelassen: diesem Projekt hinzufügen oder als neues öffnen?</numerusform>
        </translation>
    </message>
    <message>
        <source>Add here</source>
        <translation>Hier hinzufügen</translation>
    </message>
    <message>
        <source>New project</source>
        <translation>Neues Projekt</translation>
    </message>
    <message>
        <source>The proposal is still being computed.</source>
        <translation>Der Vorschlag wird noch berechnet.</translation>
    </message>
    <message>
        <source>There is no proposal to use.</source>
        <translation>Es gibt keinen Vorschlag zu übernehmen.</translation>
    </message>
    <message>
        <source>This image has edits by hand. Add the proposal to them, or replace them?</source>
        <translation>Dieses Bild hat Änderungen von Hand. Den Vorschlag hinzufügen oder sie ersetzen?</translation>
    </message>
    <message>
        <source>Add (Enter)</source>
        <translation>Hinzufügen (Eingabe)</translation>
    </message>
    <message>
        <source>Replace</source>
        <translation>Ersetzen</translation>
    </message>
    <message>
        <source>The proposal was used at threshold %1.</source>
        <translation>Der Vorschlag wurde bei Schwelle %1 übernommen.</translation>
    </message>
    <message>
        <source>The proposal changes nothing here.</source>
        <translation>Der Vorschlag ändert hier nichts.</translation>
    </message>
    <message>
        <source>There was nothing to change.</source>
        <translation>Es gab nichts zu ändern.</translation>
    </message>
    <message>
        <source>There is nothing to undo.</source>
        <translation>Es gibt nichts rückgängig zu machen.</translation>
    </message>
    <message>
        <source>There is nothing to redo.</source>
        <translation>Es gibt nichts zu wiederholen.</translation>
    </message>
    <message>
        <source>Nothing is outlined. Mark as no lesion?</source>
        <translation>Nichts ist umrandet. Als „keine Läsion“ markieren?</translation>
    </message>
    <message>
        <source>Mark as no lesion (Enter)</source>
        <translation>Keine Läsion (Eingabe)</translation>
    </message>
    <message>
        <source>The measurements are on the clipboard.</source>
        <translation>Die Maße sind in der Zwischenablage.</translation>
    </message>
    <message>
        <source>Your edits are saved under this name. Is it right?</source>
        <translation>Ihre Änderungen werden unter diesem Namen gespeichert. Stimmt er?</translation>
    </message>
    <message>
        <source>Yes</source>
        <translation>Ja</translation>
    </message>
    <message>
        <source>Opening…</source>
        <translation>Wird geöffnet…</translation>
    </message>
    <message>
        <source>Accept</source>
        <translation>Annehmen</translation>
    </message>
    <message>
        <source>Accept: no lesion</source>
        <translation>Annehmen: keine Läsion</translation>
    </message>
    <message>
        <source>Submit: no lesion</source>
        <translation>Einreichen: keine Läsion</translation>
    </message>
    <message>
        <source>Use proposal and accept</source>
        <translation>Vorschlag annehmen</translation>
    </message>
    <message>
        <source>Use proposal and submit</source>
        <translation>Vorschlag einreichen</translation>
    </message>
    <message>
        <source>Accepted: next</source>
        <translation>Angenommen: weiter</translation>
    </message>
    <message>
        <source>Accept and next</source>
        <translation>Annehmen und weiter</translation>
    </message>
    <message>
        <source>Submit and next</source>
        <translation>Einreichen und weiter</translation>
    </message>
    <message>
        <source>brush stroke</source>
        <translation>Pinselstrich</translation>
    </message>
    <message>
        <source>eraser stroke</source>
        <translation>Radierstrich</translation>
    </message>
    <message>
        <source>lasso</source>
        <translation>Lasso</translation>
    </message>
    <message>
        <source>keep inside</source>
        <translation>Innen behalten</translation>
    </message>
    <message>
        <source>polygon</source>
        <translation>Polygon</translation>
    </message>
    <message>
        <source>wand</source>
        <translation>Zauberstab</translation>
    </message>
    <message>
        <source>contour push</source>
        <translation>Kontur schieben</translation>
    </message>
    <message>
        <source>fill holes</source>
        <translation>Löcher füllen</translation>
    </message>
    <message>
        <source>keep largest part</source>
        <translation>größten Teil behalten</translation>
    </message>
    <message>
        <source>remove specks</source>
        <translation>Flecken entfernen</translation>
    </message>
    <message>
        <source>clean</source>
        <translation>Säubern</translation>
    </message>
    <message>
        <source>smooth</source>
        <translation>Glätten</translation>
    </message>
    <message>
        <source>grow</source>
        <translation>Wachsen</translation>
    </message>
    <message>
        <source>shrink</source>
        <translation>Schrumpfen</translation>
    </message>
    <message>
        <source>clear label</source>
        <translation>Label leeren</translation>
    </message>
    <message>
        <source>replace label</source>
        <translation>Label ersetzen</translation>
    </message>
    <message>
        <source>use proposal</source>
        <translation>Vorschlag übernehmen</translation>
    </message>
    <message>
        <source>mark as no lesion</source>
        <translation>Markierung „keine Läsion“</translation>
    </message>
    <message>
        <source>remove the no lesion mark</source>
        <translation>Markierung „keine Läsion“ entfernen</translation>
    </message>
    <message>
        <source>restore version</source>
        <translation>Fassung wiederherstellen</translation>
    </message>
    <message>
        <source>import</source>
        <translation>Import</translation>
    </message>
    <message>
        <source>&amp;Undo %1</source>
        <translation>&amp;Rückgängig: %1</translation>
    </message>
    <message>
        <source>&amp;Redo %1</source>
        <translation>&amp;Wiederholen: %1</translation>
    </message>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
    <message>
        <source>x %1  y %2   RGB %3 %4 %5</source>
        <translation>x %1  y %2   RGB %3 %4 %5</translation>
    </message>
    <message>
        <source>   p %1</source>
        <translation>   p %1</translation>
    </message>
    <message>
        <source> (model)</source>
        <translation> (Modell)</translation>
    </message>
    <message>
        <source> (model, edited)</source>
        <translation> (Modell, bearbeitet)</translation>
    </message>
    <message>
        <source> (by hand)</source>
        <translation> (von Hand)</translation>
    </message>
    <message>
        <source>no model</source>
        <translation>kein Modell</translation>
    </message>
    <message>
        <source>No model was found: there will be no proposals. Models are files NAME.safetensors in the folder &quot;models&quot; beside the program.</source>
        <translation>Kein Modell gefunden: Es wird keine Vorschläge geben. Modelle sind Dateien NAME.safetensors im Ordner „models“ neben dem Programm.</translation>
    </message>
    <message>
        <source>Model: %1</source>
        <translation>Modell: %1</translation>
    </message>
    <message>
        <source>%1: not loaded</source>
        <translation>%1: nicht geladen</translation>
    </message>
    <message>
        <source>%1: loading…</source>
        <translation>%1: wird geladen…</translation>
    </message>
    <message>
        <source>%1 · %2 · %3 ms</source>
        <translation>%1 · %2 · %3 ms</translation>
    </message>
    <message>
        <source>%1: computing…</source>
        <translation>%1: rechnet…</translation>
    </message>
    <message>
        <source>not saved</source>
        <translation>nicht gespeichert</translation>
    </message>
    <message>
        <source>saving…</source>
        <translation>wird gespeichert…</translation>
    </message>
    <message>
        <source>all saved</source>
        <translation>alles gespeichert</translation>
    </message>
    <message>
        <source>Edits are not being saved: %1 They stay in memory until that is solved.</source>
        <translation>Änderungen werden nicht gespeichert: %1 Sie bleiben im Speicher, bis das behoben ist.</translation>
    </message>
    <message>
        <source>Try now</source>
        <translation>Jetzt versuchen</translation>
    </message>
    <message>
        <source>background 0</source>
        <translation>Hintergrund 0</translation>
    </message>
    <message>
        <source>1 inside</source>
        <translation>1 innen</translation>
    </message>
    <message>
        <source>Annotation</source>
        <translation>Annotation</translation>
    </message>
    <message>
        <source>Comments</source>
        <translation>Kommentare</translation>
    </message>
    <message>
        <source>&amp;Smooth edge…</source>
        <translation>Rand &amp;glätten…</translation>
    </message>
    <message>
        <source>Remove s&amp;pecks…</source>
        <translation>&amp;Flecken entfernen…</translation>
    </message>
    <message>
        <source>&amp;Choose a model file…</source>
        <translation>Modelldatei &amp;wählen…</translation>
    </message>
    <message>
        <source>Add a c&amp;omment</source>
        <translation>K&amp;ommentar schreiben</translation>
    </message>
    <message>
        <source>Agree</source>
        <translation>Einigen</translation>
    </message>
    <message>
        <source>A&amp;gree on one annotation</source>
        <translation>Auf eine Annotation ei&amp;nigen</translation>
    </message>
    <message>
        <source>Next area</source>
        <translation>Nächster Bereich</translation>
    </message>
    <message>
        <source>Previous area</source>
        <translation>Voriger Bereich</translation>
    </message>
    <message>
        <source>Take A</source>
        <translation>A nehmen</translation>
    </message>
    <message>
        <source>Take B</source>
        <translation>B nehmen</translation>
    </message>
    <message>
        <source>As drawn by hand</source>
        <translation>Wie von Hand gezeichnet</translation>
    </message>
    <message>
        <source>Selected images</source>
        <translation>Ausgewählte Bilder</translation>
    </message>
    <message>
        <source>Run model on selected images</source>
        <translation>Modell auf ausgewählte Bilder anwenden</translation>
    </message>
    <message>
        <source>Export selected images…</source>
        <translation>Ausgewählte Bilder exportieren…</translation>
    </message>
    <message>
        <source>Accept selected images</source>
        <translation>Ausgewählte Bilder annehmen</translation>
    </message>
    <message>
        <source>Submit selected images</source>
        <translation>Ausgewählte Bilder einreichen</translation>
    </message>
    <message>
        <source>Reject selected images…</source>
        <translation>Ausgewählte Bilder ablehnen…</translation>
    </message>
    <message>
        <source>Reopen selected images</source>
        <translation>Ausgewählte Bilder wieder öffnen</translation>
    </message>
    <message>
        <source>Flag selected images</source>
        <translation>Ausgewählte Bilder markieren</translation>
    </message>
    <message>
        <source>Remove the flag from selected images</source>
        <translation>Markierung ausgewählter Bilder entfernen</translation>
    </message>
    <message>
        <source>Assign selected images to me</source>
        <translation>Ausgewählte Bilder mir zuweisen</translation>
    </message>
    <message>
        <source>Assign selected images to no one</source>
        <translation>Zuweisung ausgewählter Bilder aufheben</translation>
    </message>
    <message>
        <source>&amp;Selected images</source>
        <translation>Aus&amp;gewählte Bilder</translation>
    </message>
    <message>
        <source>&amp;Assign to</source>
        <translation>&amp;Zuweisen an</translation>
    </message>
    <message>
        <source>Choose a model file</source>
        <translation>Modelldatei wählen</translation>
    </message>
    <message>
        <source>Models (*.safetensors *.pth);;All files (*)</source>
        <translation>Modelle (*.safetensors *.pth);;Alle Dateien (*)</translation>
    </message>
    <message numerus="yes">
        <source>%n areas are not decided yet.</source>
        <translation>
            <numerusform>%n Bereich ist noch nicht entschieden.</numerusform>
            <numerusform>%n Bereiche sind noch nicht entschieden.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n images were rejected.</source>
        <translation>
            <numerusform>%n Bild wurde abgelehnt.</numerusform>
            <numerusform>%n Bilder wurden abgelehnt.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n images were accepted.</source>
        <translation>
            <numerusform>%n Bild wurde angenommen.</numerusform>
            <numerusform>%n Bilder wurden angenommen.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n images were submitted.</source>
        <translation>
            <numerusform>%n Bild wurde eingereicht.</numerusform>
            <numerusform>%n Bilder wurden eingereicht.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n images are open again.</source>
        <translation>
            <numerusform>%n Bild ist wieder offen.</numerusform>
            <numerusform>%n Bilder sind wieder offen.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n were left as they are.</source>
        <translation>
            <numerusform>%n blieb, wie es ist.</numerusform>
            <numerusform>%n blieben, wie sie sind.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n were left as they are: nobody has annotated them, or they are already decided.</source>
        <translation>
            <numerusform>%n blieb, wie es ist: niemand hat es annotiert, oder es ist entschieden.</numerusform>
            <numerusform>%n blieben, wie sie sind: niemand hat sie annotiert, oder sie sind entschieden.</numerusform>
        </translation>
    </message>
    <message>
        <source>Leave the a&amp;greement</source>
        <translation>Ei&amp;nigung verlassen</translation>
    </message>
    <message>
        <source>%1 and %2 have submitted this image.</source>
        <translation>%1 und %2 haben dieses Bild eingereicht.</translation>
    </message>
    <message>
        <source>Agree on one annotation</source>
        <translation>Auf eine Annotation einigen</translation>
    </message>
    <message>
        <source>Choose a model…</source>
        <translation>Modell wählen…</translation>
    </message>
    <message>
        <source>No model was found, so there are no proposals. Drawing by hand works.</source>
        <translation>Es wurde kein Modell gefunden, also gibt es keine Vorschläge. Zeichnen von Hand geht.</translation>
    </message>
    <message>
        <source>There are no proposals: %1</source>
        <translation>Es gibt keine Vorschläge: %1</translation>
    </message>
    <message>
        <source>Settings…</source>
        <translation>Einstellungen…</translation>
    </message>
    <message>
        <source>%1 was saved by another program meanwhile. Yours is kept as a second version.</source>
        <translation>%1 wurde inzwischen von einem anderen Programm gespeichert. Ihre Fassung bleibt als zweite erhalten.</translation>
    </message>
    <message>
        <source>Compare</source>
        <translation>Vergleichen</translation>
    </message>
    <message>
        <source>Saved by the other program</source>
        <translation>Vom anderen Programm gespeichert</translation>
    </message>
    <message>
        <source>Rejected by %1: %2</source>
        <translation>Abgelehnt von %1: %2</translation>
    </message>
    <message>
        <source>No image in %1 could be read.</source>
        <translation>Kein Bild in %1 war lesbar.</translation>
    </message>
    <message numerus="yes">
        <source>and %n more</source>
        <translation>
            <numerusform>und %n weitere</numerusform>
            <numerusform>und %n weitere</numerusform>
        </translation>
    </message>
    <message>
        <source>No image matches this filter.</source>
        <translation>Kein Bild passt zu diesem Filter.</translation>
    </message>
    <message>
        <source>Accept as agreed</source>
        <translation>Als vereinbart annehmen</translation>
    </message>
    <message>
        <source>take area</source>
        <translation>Bereich nehmen</translation>
    </message>
    <message>
        <source>Image %1</source>
        <translation>Bild %1</translation>
    </message>
    <message>
        <source>no lesion</source>
        <translation>keine Läsion</translation>
    </message>
    <message>
        <source>label %1</source>
        <translation>Label %1</translation>
    </message>
    <message numerus="yes">
        <source>%n pixels annotated</source>
        <translation>
            <numerusform>%n Pixel annotiert</numerusform>
            <numerusform>%n Pixel annotiert</numerusform>
        </translation>
    </message>
    <message>
        <source>a proposal is shown</source>
        <translation>ein Vorschlag ist zu sehen</translation>
    </message>
    <message>
        <source>Model and device; a click changes the model</source>
        <translation>Modell und Gerät; ein Klick wechselt das Modell</translation>
    </message>
    <message>
        <source>A gesture is still going on: release the button first, or drop it with Esc.</source>
        <translation>Eine Geste ist noch im Gange: Lassen Sie erst die Taste los, oder verwerfen Sie sie mit Esc.</translation>
    </message>
    <message>
        <source>The mask was changed meanwhile: nothing was cleaned up.</source>
        <translation>Die Maske wurde inzwischen geändert: Es wurde nichts bereinigt.</translation>
    </message>
    <message>
        <source>The image will be decided as soon as its last edit is finished.</source>
        <translation>Das Bild wird entschieden, sobald seine letzte Bearbeitung fertig ist.</translation>
    </message>
    <message>
        <source>Nothing was decided: a gesture is still going on. Release the button first, or drop it with Esc.</source>
        <translation>Nichts wurde entschieden: Eine Geste ist noch im Gange. Lassen Sie erst die Taste los, oder verwerfen Sie sie mit Esc.</translation>
    </message>
    <message>
        <source>Nothing was decided: an outline is not closed yet. Enter closes it, Esc drops it.</source>
        <translation>Nichts wurde entschieden: Ein Umriss ist noch offen. Eingabe schließt ihn, Esc verwirft ihn.</translation>
    </message>
    <message>
        <source>automatic model</source>
        <translation>Modell automatisch</translation>
    </message>
    <message>
        <source>%1 (automatic)</source>
        <translation>%1 (automatisch)</translation>
    </message>
    <message>
        <source>Model: chosen for each image by what it shows</source>
        <translation>Modell: für jedes Bild nach dem gewählt, was es zeigt</translation>
    </message>
    <message>
        <source>%1 (this image)</source>
        <translation>%1 (dieses Bild)</translation>
    </message>
    <message>
        <source>For all images</source>
        <translation>Für alle Bilder</translation>
    </message>
    <message>
        <source>Automatic: by what each image shows</source>
        <translation>Automatisch: nach dem, was ein Bild zeigt</translation>
    </message>
    <message>
        <source>For this image alone</source>
        <translation>Nur für dieses Bild</translation>
    </message>
    <message>
        <source>As for all images</source>
        <translation>Wie für alle Bilder</translation>
    </message>
    <message>
        <source>Locate…</source>
        <translation>Suchen…</translation>
    </message>
    <message>
        <source>Choose the folder where the missing images are now; they are recognised by their content, even if they were renamed</source>
        <translation>Wählen Sie den Ordner, in dem die fehlenden Bilder jetzt liegen; sie werden am Inhalt erkannt, auch wenn sie umbenannt wurden</translation>
    </message>
    <message>
        <source>Progress of what is running</source>
        <translation>Fortschritt dessen, was läuft</translation>
    </message>
    <message numerus="yes">
        <source>%n images were found again.</source>
        <translation>
            <numerusform>%n Bild wurde wiedergefunden.</numerusform>
            <numerusform>%n Bilder wurden wiedergefunden.</numerusform>
        </translation>
    </message>
    <message>
        <source>None of the missing images is there.</source>
        <translation>Keines der fehlenden Bilder ist dort.</translation>
    </message>
    <message numerus="yes">
        <source>%n are still missing.</source>
        <translation>
            <numerusform>%n fehlt noch.</numerusform>
            <numerusform>%n fehlen noch.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n images are no longer where they were. Their annotations are kept.</source>
        <translation>
            <numerusform>%n Bild ist nicht mehr dort, wo es war. Seine Annotationen bleiben.</numerusform>
            <numerusform>%n Bilder sind nicht mehr dort, wo sie waren. Ihre Annotationen bleiben.</numerusform>
        </translation>
    </message>
    <message>
        <source>This image was submitted; your edit opened it again.</source>
        <translation>Dieses Bild war eingereicht; Ihre Änderung hat es wieder geöffnet.</translation>
    </message>
    <message>
        <source>This image was accepted; your edit opened it again.</source>
        <translation>Dieses Bild war angenommen; Ihre Änderung hat es wieder geöffnet.</translation>
    </message>
    <message>
        <source>Submit again</source>
        <translation>Wieder einreichen</translation>
    </message>
    <message>
        <source>Accept again</source>
        <translation>Wieder annehmen</translation>
    </message>
    <message>
        <source>One pixel of this image is %1 mm.</source>
        <translation>Ein Pixel dieses Bildes misst %1 mm.</translation>
    </message>
    <message>
        <source>In an endoscopy image this holds in one plane only, at the distance of what was measured.</source>
        <translation>In einem Endoskopiebild gilt das nur in einer Ebene, im Abstand des Gemessenen.</translation>
    </message>
    <message numerus="yes">
        <source>Do the %n others of %1 × %2 pixels have the same scale?</source>
        <translation>
            <numerusform>Hat das %n andere mit %1 × %2 Pixeln denselben Maßstab?</numerusform>
            <numerusform>Haben die %n anderen mit %1 × %2 Pixeln denselben Maßstab?</numerusform>
        </translation>
    </message>
    <message>
        <source>Use it for all of them</source>
        <translation>Für alle verwenden</translation>
    </message>
    <message>
        <source>Calibrated: all images of this size, unless they have a calibration of their own.</source>
        <translation>Kalibriert: alle Bilder dieser Größe, soweit sie keine eigene Kalibrierung haben.</translation>
    </message>
    <message>
        <source>Only this image</source>
        <translation>Nur dieses Bild</translation>
    </message>
    <message>
        <source>Stop and quit</source>
        <translation>Abbrechen und beenden</translation>
    </message>
    <message>
        <source>Stop and close</source>
        <translation>Abbrechen und schließen</translation>
    </message>
    <message>
        <source>Tasks and &amp;messages</source>
        <translation>Aufgaben und &amp;Meldungen</translation>
    </message>
    <message>
        <source>&amp;Fill holes…</source>
        <translation>Löcher &amp;füllen…</translation>
    </message>
    <message numerus="yes">
        <source>%n images were flagged.</source>
        <translation>
            <numerusform>%n Bild wurde markiert.</numerusform>
            <numerusform>%n Bilder wurden markiert.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n flags were removed.</source>
        <translation>
            <numerusform>%n Markierung wurde entfernt.</numerusform>
            <numerusform>%n Markierungen wurden entfernt.</numerusform>
        </translation>
    </message>
    <message>
        <source>Stop and open</source>
        <translation>Abbrechen und öffnen</translation>
    </message>
    <message>
        <source>Where are the missing images now?</source>
        <translation>Wo liegen die fehlenden Bilder jetzt?</translation>
    </message>
    <message>
        <source>Looking for the missing images in %1…</source>
        <translation>Die fehlenden Bilder werden in %1 gesucht…</translation>
    </message>
    <message>
        <source>Where is %1 now?</source>
        <translation>Wo liegt %1 jetzt?</translation>
    </message>
    <message numerus="yes">
        <source>%n images are no longer assigned to anyone.</source>
        <translation>
            <numerusform>%n Bild ist niemandem mehr zugewiesen.</numerusform>
            <numerusform>%n Bilder sind niemandem mehr zugewiesen.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n images were assigned to %1.</source>
        <translation>
            <numerusform>%n Bild wurde %1 zugewiesen.</numerusform>
            <numerusform>%n Bilder wurden %1 zugewiesen.</numerusform>
        </translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>Rückgängig</translation>
    </message>
    <message numerus="yes">
        <source>%n images are again as they were.</source>
        <translation>
            <numerusform>%n Bild ist wie zuvor.</numerusform>
            <numerusform>%n Bilder sind wie zuvor.</numerusform>
        </translation>
    </message>
    <message>
        <source>Export</source>
        <translation>Export</translation>
    </message>
    <message>
        <source>loading the model</source>
        <translation>das Modell wird geladen</translation>
    </message>
    <message numerus="yes">
        <source>%n waiting</source>
        <translation>
            <numerusform>%n wartet</numerusform>
            <numerusform>%n warten</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n failed</source>
        <translation>
            <numerusform>%n fehlgeschlagen</numerusform>
            <numerusform>%n fehlgeschlagen</numerusform>
        </translation>
    </message>
    <message>
        <source>Proposals</source>
        <translation>Vorschläge</translation>
    </message>
    <message>
        <source>Reading files</source>
        <translation>Dateien werden gelesen</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 von %2</translation>
    </message>
    <message>
        <source>Saving</source>
        <translation>Speichern</translation>
    </message>
    <message>
        <source>waiting for disk space or permission</source>
        <translation>wartet auf freien Speicherplatz oder auf Schreibrechte</translation>
    </message>
    <message numerus="yes">
        <source>%n changes</source>
        <translation>
            <numerusform>%n Änderung</numerusform>
            <numerusform>%n Änderungen</numerusform>
        </translation>
    </message>
    <message>
        <source>%1: %2 of %3</source>
        <translation>%1: %2 von %3</translation>
    </message>
    <message>
        <source>Export: %1 of %2 images are written. These files stay.</source>
        <translation>Export: %1 von %2 Bildern sind geschrieben. Diese Dateien bleiben.</translation>
    </message>
    <message>
        <source>Proposals: %1 of %2 are done. These are kept.</source>
        <translation>Vorschläge: %1 von %2 sind fertig. Diese bleiben.</translation>
    </message>
    <message>
        <source>Tasks are still running</source>
        <translation>Es wird noch gearbeitet</translation>
    </message>
    <message>
        <source>Export: %1</source>
        <translation>Export: %1</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>Zeigen</translation>
    </message>
    <message>
        <source>Add the images of %1</source>
        <translation>Bilder aus %1 hinzufügen</translation>
    </message>
    <message numerus="yes">
        <source>The other %n are fine.</source>
        <translation>
            <numerusform>Das andere ist in Ordnung.</numerusform>
            <numerusform>Die anderen %n sind in Ordnung.</numerusform>
        </translation>
    </message>
    <message>
        <source>Larger buttons are easier to hit with a finger.</source>
        <translation>Größere Knöpfe trifft man mit dem Finger leichter.</translation>
    </message>
    <message>
        <source>Use them</source>
        <translation>Verwenden</translation>
    </message>
    <message>
        <source>Not now</source>
        <translation>Jetzt nicht</translation>
    </message>
    <message>
        <source>Clear filter</source>
        <translation>Filter aufheben</translation>
    </message>
    <message>
        <source>Export…</source>
        <translation>Exportieren…</translation>
    </message>
    <message>
        <source>The model&apos;s proposal for the whole image is there already.</source>
        <translation>Der Vorschlag des Modells für das ganze Bild ist schon da.</translation>
    </message>
    <message numerus="yes">
        <source>Add %n files and folders</source>
        <translation>
            <numerusform>%n Datei oder Ordner hinzufügen</numerusform>
            <numerusform>%n Dateien und Ordner hinzufügen</numerusform>
        </translation>
    </message>
    <message>
        <source>No effect: %1 is locked.</source>
        <translation>Ohne Wirkung: %1 ist gesperrt.</translation>
    </message>
    <message>
        <source>Unlock</source>
        <translation>Entsperren</translation>
    </message>
    <message>
        <source>Run model</source>
        <translation>Modell ausführen</translation>
    </message>
    <message>
        <source>Close it</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <source>There is no label %1.</source>
        <translation>Es gibt kein Label %1.</translation>
    </message>
    <message>
        <source>Add a label</source>
        <translation>Label hinzufügen</translation>
    </message>
    <message>
        <source>Device: %1</source>
        <translation>Gerät: %1</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
</context>
<context>
    <name>limn::MeasurePanel</name>
    <message>
        <source>Nothing is drawn in this label yet.</source>
        <translation>In diesem Label ist noch nichts gezeichnet.</translation>
    </message>
    <message>
        <source>Area</source>
        <translation>Fläche</translation>
    </message>
    <message>
        <source>Share of image</source>
        <translation>Anteil am Bild</translation>
    </message>
    <message>
        <source>Perimeter</source>
        <translation>Umfang</translation>
    </message>
    <message>
        <source>Longest ⌀</source>
        <translation>Längster ⌀</translation>
    </message>
    <message>
        <source>Width across</source>
        <translation>Quer dazu</translation>
    </message>
    <message>
        <source>Equivalent ⌀</source>
        <translation>Gleichwertiger ⌀</translation>
    </message>
    <message>
        <source>Asymmetry</source>
        <translation>Asymmetrie</translation>
    </message>
    <message>
        <source>Circularity</source>
        <translation>Rundheit</translation>
    </message>
    <message>
        <source>Irregularity</source>
        <translation>Unregelmäßigkeit</translation>
    </message>
    <message>
        <source>Parts, holes</source>
        <translation>Teile, Löcher</translation>
    </message>
    <message>
        <source>Mean colour</source>
        <translation>Mittlere Farbe</translation>
    </message>
    <message>
        <source>Number of pixels</source>
        <translation>Zahl der Pixel</translation>
    </message>
    <message>
        <source>Area in % of the image</source>
        <translation>Fläche in % des Bildes</translation>
    </message>
    <message>
        <source>Length of the edge, holes included</source>
        <translation>Länge des Randes, Löcher eingeschlossen</translation>
    </message>
    <message>
        <source>Greatest distance between two points</source>
        <translation>Größter Abstand zweier Punkte</translation>
    </message>
    <message>
        <source>Width at right angles to the longest diameter</source>
        <translation>Breite rechtwinklig zum längsten Durchmesser</translation>
    </message>
    <message>
        <source>Diameter of the disc of the same area</source>
        <translation>Durchmesser der flächengleichen Scheibe</translation>
    </message>
    <message>
        <source>Area that does not cover itself when folded along the two principal axes, mean of both</source>
        <translation>Fläche, die sich beim Falten an den beiden Hauptachsen nicht deckt, Mittel beider</translation>
    </message>
    <message>
        <source>4π · area / perimeter²: 1 for a disc</source>
        <translation>4π · Fläche / Umfang²: 1 bei einer Scheibe</translation>
    </message>
    <message>
        <source>Perimeter² / (4π · area), outer edge: 1 for a disc</source>
        <translation>Umfang² / (4π · Fläche), Außenrand: 1 bei einer Scheibe</translation>
    </message>
    <message>
        <source>Connected parts and holes in them</source>
        <translation>Zusammenhängende Teile und Löcher darin</translation>
    </message>
    <message>
        <source>Mean red, green, blue inside</source>
        <translation>Mittleres Rot, Grün, Blau innen</translation>
    </message>
    <message>
        <source>mm, %1</source>
        <translation>mm, %1</translation>
    </message>
    <message>
        <source>px · Calibrate…</source>
        <translation>px · Kalibrieren…</translation>
    </message>
    <message>
        <source>%1 px</source>
        <translation>%1 px</translation>
    </message>
    <message>
        <source>%1 mm²</source>
        <translation>%1 mm²</translation>
    </message>
    <message>
        <source>%1 mm</source>
        <translation>%1 mm</translation>
    </message>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
    <message>
        <source>Endoscopy: millimetres hold in one plane only.</source>
        <translation>Endoskopie: Millimeter gelten nur in einer Ebene.</translation>
    </message>
    <message>
        <source>The image has no single scale: what is nearer to the endoscope looks larger. The figures hold at the distance of what was measured with the ruler.</source>
        <translation>Das Bild hat keinen einheitlichen Maßstab: was näher am Endoskop ist, erscheint größer. Die Werte gelten im Abstand dessen, was mit dem Lineal gemessen wurde.</translation>
    </message>
    <message>
        <source>Calibrate with the ruler…</source>
        <translation>Mit dem Lineal kalibrieren…</translation>
    </message>
    <message>
        <source>Remove the calibration</source>
        <translation>Kalibrierung entfernen</translation>
    </message>
    <message>
        <source>The scale given by the file cannot be removed</source>
        <translation>Der Maßstab der Datei lässt sich nicht entfernen</translation>
    </message>
    <message numerus="yes">
        <source>Remove the calibration of all %n images of this size</source>
        <translation>
            <numerusform>Kalibrierung des %n Bildes dieser Größe entfernen</numerusform>
            <numerusform>Kalibrierung aller %n Bilder dieser Größe entfernen</numerusform>
        </translation>
    </message>
    <message>
        <source>Where the millimetres come from; a click changes or removes them</source>
        <translation>Woher die Millimeter kommen; ein Klick ändert oder entfernt sie</translation>
    </message>
    <message>
        <source>Choose the ruler and click both ends of a known length</source>
        <translation>Wählen Sie das Lineal und klicken Sie auf beide Enden einer bekannten Länge</translation>
    </message>
</context>
<context>
    <name>limn::OptionBar</name>
    <message>
        <source>Add</source>
        <translation>Hinzufügen</translation>
    </message>
    <message>
        <source>Subtract</source>
        <translation>Abziehen</translation>
    </message>
    <message>
        <source>Ctrl or the right button does the opposite</source>
        <translation>Strg oder die rechte Taste tut das Gegenteil</translation>
    </message>
    <message>
        <source>Over background only</source>
        <translation>Nur über Hintergrund</translation>
    </message>
    <message>
        <source>Other labels are not painted over</source>
        <translation>Andere Labels werden nicht übermalt</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Größe</translation>
    </message>
    <message>
        <source> px</source>
        <translation> px</translation>
    </message>
    <message>
        <source>S smaller, D larger, Shift + wheel</source>
        <translation>S kleiner, D größer, Umschalt + Rad</translation>
    </message>
    <message>
        <source>Square</source>
        <translation>Eckig</translation>
    </message>
    <message>
        <source>Square instead of round</source>
        <translation>Eckig statt rund</translation>
    </message>
    <message>
        <source>Pressure</source>
        <translation>Druck</translation>
    </message>
    <message>
        <source>A pen&apos;s pressure sets 30 to 100 % of the size</source>
        <translation>Der Druck des Stifts bestimmt 30 bis 100 % der Größe</translation>
    </message>
    <message>
        <source>Draw around an area. With Shift, only what lies inside is kept.</source>
        <translation>Eine Fläche umfahren. Mit Umschalt bleibt nur, was innen liegt.</translation>
    </message>
    <message>
        <source>Click the corners. Enter, a double click or the first corner closes the shape; Backspace removes the last corner.</source>
        <translation>Ecken anklicken. Eingabe, Doppelklick oder die erste Ecke schließt die Form; Rücktaste entfernt die letzte Ecke.</translation>
    </message>
    <message>
        <source>Tolerance</source>
        <translation>Toleranz</translation>
    </message>
    <message>
        <source>CIELAB distance. Press in the image and drag right or left</source>
        <translation>CIELAB-Abstand. Im Bild drücken und nach rechts oder links ziehen</translation>
    </message>
    <message>
        <source>Sample</source>
        <translation>Probe</translation>
    </message>
    <message>
        <source>Sample size</source>
        <translation>Probengröße</translation>
    </message>
    <message>
        <source>Connected</source>
        <translation>Verbunden</translation>
    </message>
    <message>
        <source>Only what is connected to the pixel you press</source>
        <translation>Nur was mit dem gedrückten Pixel verbunden ist</translation>
    </message>
    <message>
        <source>Fill holes</source>
        <translation>Löcher füllen</translation>
    </message>
    <message>
        <source>Holes in the selection are filled</source>
        <translation>Löcher in der Auswahl werden gefüllt</translation>
    </message>
    <message>
        <source>View only</source>
        <translation>Nur Ansicht</translation>
    </message>
    <message>
        <source>Only the part of the image in view</source>
        <translation>Nur der sichtbare Teil des Bildes</translation>
    </message>
    <message>
        <source>Smoothing</source>
        <translation>Glättung</translation>
    </message>
    <message>
        <source>Drag from inside to push the edge out, from outside to push it in.</source>
        <translation>Von innen gezogen schiebt den Rand hinaus, von außen hinein.</translation>
    </message>
    <message>
        <source>%1 px =</source>
        <translation>%1 px =</translation>
    </message>
    <message>
        <source> mm</source>
        <translation> mm</translation>
    </message>
    <message>
        <source>Calibrate</source>
        <translation>Kalibrieren</translation>
    </message>
    <message>
        <source>Click both ends of a length. A known length calibrates the image.</source>
        <translation>Beide Enden einer Länge klicken. Eine bekannte Länge kalibriert das Bild.</translation>
    </message>
    <message>
        <source>Length of the line</source>
        <translation>Länge der Linie</translation>
    </message>
    <message>
        <source>How round the edge of the selection is made</source>
        <translation>Wie rund der Rand der Auswahl gemacht wird</translation>
    </message>
    <message>
        <source>Drag a rectangle, or with Shift any shape: whatever edits then acts inside it alone. A click removes it.</source>
        <translation>Ein Rechteck ziehen, mit Umschalt eine beliebige Form: Bearbeitet wird dann nur darin. Ein Klick hebt den Bereich auf.</translation>
    </message>
</context>
<context>
    <name>limn::ProposalPanel</name>
    <message>
        <source>Which proposal is shown</source>
        <translation>Welcher Vorschlag gezeigt wird</translation>
    </message>
    <message>
        <source>Threshold</source>
        <translation>Schwelle</translation>
    </message>
    <message>
        <source>Threshold (T). A double click restores the model&apos;s own</source>
        <translation>Schwelle (T). Ein Doppelklick stellt die des Modells wieder her</translation>
    </message>
    <message>
        <source>Use</source>
        <translation>Übernehmen</translation>
    </message>
    <message>
        <source>No model was found, so there are no proposals. Drawing by hand works. Models are files NAME.safetensors in the folder &quot;models&quot; beside the program.</source>
        <translation>Kein Modell gefunden, daher keine Vorschläge. Zeichnen von Hand geht. Modelle sind Dateien NAME.safetensors im Ordner „models“ neben dem Programm.</translation>
    </message>
    <message>
        <source>The model could not be loaded: %1</source>
        <translation>Das Modell konnte nicht geladen werden: %1</translation>
    </message>
    <message>
        <source>Open images to see proposals.</source>
        <translation>Bilder öffnen, um Vorschläge zu sehen.</translation>
    </message>
    <message>
        <source>Computing a proposal…</source>
        <translation>Ein Vorschlag wird berechnet…</translation>
    </message>
    <message>
        <source>Loading the model…</source>
        <translation>Das Modell wird geladen…</translation>
    </message>
    <message>
        <source>No proposal for this image yet.</source>
        <translation>Noch kein Vorschlag für dieses Bild.</translation>
    </message>
    <message>
        <source> · detail %1×</source>
        <translation> · Ausschnitt %1×</translation>
    </message>
    <message>
        <source> · 4 mirrored copies</source>
        <translation> · 4 Spiegelungen</translation>
    </message>
    <message>
        <source>Choose a model…</source>
        <translation>Modell wählen…</translation>
    </message>
</context>
<context>
    <name>limn::RejectPopover</name>
    <message>
        <source>Reject because</source>
        <translation>Ablehnen, weil</translation>
    </message>
    <message>
        <source>Reason</source>
        <translation>Grund</translation>
    </message>
    <message>
        <source>Not gradable</source>
        <translation>Nicht beurteilbar</translation>
    </message>
    <message>
        <source>Wrong outline</source>
        <translation>Falscher Umriss</translation>
    </message>
    <message>
        <source>Wrong label</source>
        <translation>Falsches Label</translation>
    </message>
    <message>
        <source>Artefact</source>
        <translation>Artefakt</translation>
    </message>
    <message>
        <source>Out of focus</source>
        <translation>Unscharf</translation>
    </message>
    <message>
        <source>Not the lesion</source>
        <translation>Nicht die Läsion</translation>
    </message>
    <message>
        <source>Wrong patient or image</source>
        <translation>Falscher Patient oder falsches Bild</translation>
    </message>
    <message>
        <source>Duplicate</source>
        <translation>Doppelt</translation>
    </message>
    <message>
        <source>Details (optional), then Enter</source>
        <translation>Einzelheiten (freiwillig), dann Eingabe</translation>
    </message>
    <message>
        <source>Another reason</source>
        <translation>Anderer Grund</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>Einzelheiten</translation>
    </message>
</context>
<context>
    <name>limn::ReviewSession</name>
    <message>
        <source>This is the last image of the list.</source>
        <translation>Das ist das letzte Bild der Liste.</translation>
    </message>
    <message>
        <source>This is the first image of the list.</source>
        <translation>Das ist das erste Bild der Liste.</translation>
    </message>
    <message>
        <source>The saved annotation does not fit the image and is left as it is: %1</source>
        <translation>Die gespeicherte Annotation passt nicht zum Bild und bleibt, wie sie ist: %1</translation>
    </message>
    <message>
        <source>This was the last image of the list.</source>
        <translation>Das war das letzte Bild der Liste.</translation>
    </message>
    <message>
        <source>Stopped. Proposals that were made are kept.</source>
        <translation>Angehalten. Fertige Vorschläge bleiben.</translation>
    </message>
    <message>
        <source>A stroke is being drawn: end it first, or drop it with Esc.</source>
        <translation>Ein Strich wird gezeichnet: erst beenden, oder mit Esc verwerfen.</translation>
    </message>
    <message>
        <source>No image is shown that could be accepted.</source>
        <translation>Es wird kein Bild gezeigt, das angenommen werden könnte.</translation>
    </message>
    <message>
        <source>An image that cannot be read cannot be accepted. It can be rejected with a reason.</source>
        <translation>Ein Bild, das sich nicht lesen lässt, kann nicht angenommen werden. Es kann mit einem Grund abgelehnt werden.</translation>
    </message>
    <message>
        <source>The image is not on the screen yet. Nothing was decided: press again when it is.</source>
        <translation>Das Bild ist noch nicht auf dem Bildschirm. Nichts wurde entschieden: noch einmal drücken, wenn es da ist.</translation>
    </message>
    <message>
        <source>An edit is still being computed. Nothing was decided: press again when it is there.</source>
        <translation>Eine Bearbeitung wird noch berechnet. Nichts wurde entschieden: noch einmal drücken, wenn sie da ist.</translation>
    </message>
    <message>
        <source>The proposal is still being computed. Nothing was decided: press again when its outline is there.</source>
        <translation>Der Vorschlag wird noch berechnet. Nichts wurde entschieden: noch einmal drücken, wenn sein Umriss da ist.</translation>
    </message>
</context>
<context>
    <name>limn::SettingsDialog</name>
    <message>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>Appearance</source>
        <translation>Aussehen</translation>
    </message>
    <message>
        <source>Same as the system</source>
        <translation>Wie das System</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>Dunkel</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>Hell</translation>
    </message>
    <message>
        <source>Colours</source>
        <translation>Farben</translation>
    </message>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
    <message>
        <source>Text size</source>
        <translation>Textgröße</translation>
    </message>
    <message>
        <source>Language (after a restart)</source>
        <translation>Sprache (nach Neustart)</translation>
    </message>
    <message>
        <source>Opacity of fills</source>
        <translation>Deckkraft der Füllung</translation>
    </message>
    <message>
        <source>Working</source>
        <translation>Arbeiten</translation>
    </message>
    <message>
        <source>Your name</source>
        <translation>Ihr Name</translation>
    </message>
    <message>
        <source>Show the next image after a decision</source>
        <translation>Nach einer Entscheidung das nächste Bild zeigen</translation>
    </message>
    <message>
        <source>The first stroke on an image uses the proposal first</source>
        <translation>Der erste Strich auf einem Bild übernimmt zuerst den Vorschlag</translation>
    </message>
    <message>
        <source>Keep zoom and position on the next image</source>
        <translation>Zoom und Stelle beim nächsten Bild behalten</translation>
    </message>
    <message>
        <source>The wheel pans (Ctrl + wheel zooms)</source>
        <translation>Das Rad verschiebt (Strg + Rad zoomt)</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>Automatisch</translation>
    </message>
    <message>
        <source>Processor</source>
        <translation>Prozessor</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>Gerät</translation>
    </message>
    <message>
        <source>%1 px</source>
        <translation>%1 px</translation>
    </message>
    <message>
        <source>Input size</source>
        <translation>Eingabegröße</translation>
    </message>
    <message>
        <source>Average over four mirrored copies (four times slower)</source>
        <translation>Mittel über vier Spiegelungen (viermal langsamer)</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <source>One step: an accepted image is done</source>
        <translation>Ein Schritt: ein angenommenes Bild ist fertig</translation>
    </message>
    <message>
        <source>Two steps: another person accepts</source>
        <translation>Zwei Schritte: jemand anderes nimmt an</translation>
    </message>
    <message>
        <source>Two people independently, then agreement</source>
        <translation>Zwei Personen unabhängig, dann Einigung</translation>
    </message>
    <message>
        <source>Review of this project</source>
        <translation>Prüfung in diesem Projekt</translation>
    </message>
    <message>
        <source>Automatic: by what each image shows</source>
        <translation>Automatisch: nach dem, was ein Bild zeigt</translation>
    </message>
    <message>
        <source>Larger buttons, for fingers</source>
        <translation>Größere Knöpfe, für Finger</translation>
    </message>
</context>
<context>
    <name>limn::StartPage</name>
    <message>
        <source>Limn</source>
        <translation>Limn</translation>
    </message>
    <message>
        <source>Review and correct segmentations of dermoscopy and endoscopy images</source>
        <translation>Segmentierungen dermatoskopischer und endoskopischer Bilder prüfen und korrigieren</translation>
    </message>
    <message>
        <source>Drop images, a folder or a project here</source>
        <translation>Bilder, einen Ordner oder ein Projekt hierher ziehen</translation>
    </message>
    <message>
        <source>Open folder</source>
        <translation>Ordner öffnen</translation>
    </message>
    <message>
        <source>Open project</source>
        <translation>Projekt öffnen</translation>
    </message>
    <message>
        <source>Try demo images</source>
        <translation>Demobilder ansehen</translation>
    </message>
    <message>
        <source>Recent</source>
        <translation>Zuletzt</translation>
    </message>
    <message>
        <source>Limn assists; it makes no diagnosis. Images stay on this computer.</source>
        <translation>Limn unterstützt; es stellt keine Diagnose. Bilder bleiben auf diesem Rechner.</translation>
    </message>
    <message>
        <source>missing: %1</source>
        <translation>fehlt: %1</translation>
    </message>
    <message>
        <source>Locate…</source>
        <translation>Suchen…</translation>
    </message>
</context>
<context>
    <name>limn::WorklistPane</name>
    <message>
        <source>cannot be read</source>
        <translation>nicht lesbar</translation>
    </message>
    <message>
        <source>%1, no lesion</source>
        <translation>%1, keine Läsion</translation>
    </message>
    <message>
        <source>Uncertainty %1 % (area that changes between thresholds 0.3 and 0.7)</source>
        <translation>Unsicherheit %1 % (Fläche, die sich zwischen den Schwellen 0,3 und 0,7 ändert)</translation>
    </message>
    <message>
        <source>Rejected: %1</source>
        <translation>Abgelehnt: %1</translation>
    </message>
    <message>
        <source>Flag: %1</source>
        <translation>Markierung: %1</translation>
    </message>
    <message>
        <source>%1, %2</source>
        <translation>%1, %2</translation>
    </message>
    <message>
        <source>Find by name</source>
        <translation>Nach Namen suchen</translation>
    </message>
    <message>
        <source>Find images by name</source>
        <translation>Bilder nach Namen suchen</translation>
    </message>
    <message>
        <source>Order of the list</source>
        <translation>Reihenfolge der Liste</translation>
    </message>
    <message>
        <source>Project order</source>
        <translation>Im Projekt</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>Name</translation>
    </message>
    <message>
        <source>State</source>
        <translation>Zustand</translation>
    </message>
    <message>
        <source>Most unsure</source>
        <translation>Unsicherste</translation>
    </message>
    <message>
        <source>Area</source>
        <translation>Fläche</translation>
    </message>
    <message>
        <source>Change</source>
        <translation>Änderung</translation>
    </message>
    <message>
        <source>Last edit</source>
        <translation>Letzte Änderung</translation>
    </message>
    <message>
        <source>Reverse the order</source>
        <translation>Reihenfolge umkehren</translation>
    </message>
    <message>
        <source>Order changed: sort again</source>
        <translation>Reihenfolge geändert: neu sortieren</translation>
    </message>
    <message>
        <source>Worklist</source>
        <translation>Arbeitsliste</translation>
    </message>
    <message>
        <source>Clear filter</source>
        <translation>Filter aufheben</translation>
    </message>
    <message>
        <source>Decided images</source>
        <translation>Entschiedene Bilder</translation>
    </message>
    <message>
        <source>All %1</source>
        <translation>Alle %1</translation>
    </message>
    <message>
        <source>To do %1</source>
        <translation>Offen %1</translation>
    </message>
    <message>
        <source>Flagged</source>
        <translation>Markiert</translation>
    </message>
    <message>
        <source>Flagged: %1</source>
        <translation>Markiert: %1</translation>
    </message>
    <message>
        <source>Done %1</source>
        <translation>Fertig %1</translation>
    </message>
    <message>
        <source>%1 of %2 · %3 done</source>
        <translation>%1 von %2 · %3 fertig</translation>
    </message>
    <message numerus="yes">
        <source>%n listed</source>
        <translation>
            <numerusform>%n gelistet</numerusform>
            <numerusform>%n gelistet</numerusform>
        </translation>
    </message>
    <message>
        <source>No image matches this filter.</source>
        <translation>Kein Bild passt zu diesem Filter.</translation>
    </message>
    <message>
        <source>Looking for images…</source>
        <translation>Bilder werden gesucht…</translation>
    </message>
    <message>
        <source>No image in this folder could be read.</source>
        <translation>Kein Bild in diesem Ordner ließ sich lesen.</translation>
    </message>
    <message>
        <source>Assigned to you, or last edited by you</source>
        <translation>Ihnen zugewiesen oder zuletzt von Ihnen bearbeitet</translation>
    </message>
    <message>
        <source>Rejected</source>
        <translation>Abgelehnt</translation>
    </message>
    <message>
        <source>Mine %1</source>
        <translation>Meine %1</translation>
    </message>
    <message>
        <source>%1, flagged</source>
        <translation>%1, markiert</translation>
    </message>
    <message>
        <source>Only images that are: %1</source>
        <translation>Nur Bilder mit dem Stand: %1</translation>
    </message>
    <message>
        <source>Only images of one state</source>
        <translation>Nur Bilder eines Standes</translation>
    </message>
</context>
<context>
    <name>main</name>
    <message>
        <source>Review and correct segmentations of dermoscopy and endoscopy images.</source>
        <translation>Segmentierungen dermatoskopischer und endoskopischer Bilder prüfen und korrigieren.</translation>
    </message>
    <message>
        <source>Images, a folder of images, or a project (NAME.limn).</source>
        <translation>Bilder, ein Ordner mit Bildern oder ein Projekt (NAME.limn).</translation>
    </message>
    <message>
        <source>Open the demo images.</source>
        <translation>Die Demobilder öffnen.</translation>
    </message>
    <message>
        <source>Where the model runs: auto, cpu, cuda, cuda:N.</source>
        <translation>Wo das Modell rechnet: auto, cpu, cuda, cuda:N.</translation>
    </message>
    <message>
        <source>Print the milliseconds from the program&apos;s start to a window that answers, and end.</source>
        <translation>Die Millisekunden vom Start des Programms bis zu einem Fenster, das antwortet, ausgeben und enden.</translation>
    </message>
</context>
</TS>
